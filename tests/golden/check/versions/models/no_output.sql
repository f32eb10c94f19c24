/* sluice
version: 2
*/
select id from raw.orders
