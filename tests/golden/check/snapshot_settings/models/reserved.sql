/* sluice
write: snapshot
key: [id]
partition_by: [is_current]
*/
select id, city, t as valid_from, true as "Is_Current" from raw.people
