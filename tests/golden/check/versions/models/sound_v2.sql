/* sluice
version_of: sound
version: 2
*/
select id, amount from raw.orders
