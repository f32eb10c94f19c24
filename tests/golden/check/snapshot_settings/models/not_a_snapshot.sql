/* sluice
updated_at: t
deletes: close
*/
select id, valid_to, is_current, t from curated.sound
