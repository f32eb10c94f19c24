/* sluice
write: partition
partition_by: [_P0]
*/
select _p0, count(*) as rows, string_agg(_file, ' ' order by _file) as files from raw.sales group by _p0
