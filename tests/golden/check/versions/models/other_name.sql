/* sluice
version_of: revenue
version: 2
*/
select id from raw.orders
