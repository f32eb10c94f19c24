/* sluice
version_of: no_number
*/
select id from raw.orders
