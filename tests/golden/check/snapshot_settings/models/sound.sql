/* sluice
write: snapshot
key: [id]
updated_at: since
partition_by: [is_current]
checks:
  - expression: valid_from < valid_to
*/
select id, city, t::date as since from raw.people
