/* sluice
write: snapshot
key: [id]
updated_at: t
deletes: forget
*/
select id, city, t from raw.people
