/* sluice
write: snapshot
key: [id]
updated_at: changed
order_by: [t]
*/
select id, city, t from raw.people
