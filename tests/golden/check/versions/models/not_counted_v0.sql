/* sluice
version_of: not_counted
version: 0
*/
select id from raw.orders
