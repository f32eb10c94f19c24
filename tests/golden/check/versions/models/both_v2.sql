/* sluice
version_of: both
version: 2
latest: true
*/
select id from raw.orders
