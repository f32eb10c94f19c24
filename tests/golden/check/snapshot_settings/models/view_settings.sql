/* sluice
write: view
key: [id]
partition_by: [id]
checks: [{not_null: [id]}]
*/
select id from raw.people
