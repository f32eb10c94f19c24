/* sluice
latest: true
*/
select id from raw.orders
