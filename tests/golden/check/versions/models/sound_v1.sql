/* sluice
version_of: sound
version: 1
*/
select id from raw.orders
