/* sluice
version_of: taken
version: 1
*/
select id from raw.orders
