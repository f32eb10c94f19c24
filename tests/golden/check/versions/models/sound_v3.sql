/* sluice
version_of: sound
version: 3
latest: false
*/
select id, amount::int as amount from raw.orders
