/* sluice
version_of: early
version: 1
latest: false
deprecated: soon
*/
select id from raw.orders
