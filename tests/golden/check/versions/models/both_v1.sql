/* sluice
version_of: both
version: 1
latest: true
*/
select id from raw.orders
