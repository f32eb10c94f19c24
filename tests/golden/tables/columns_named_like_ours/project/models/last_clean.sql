/* sluice
write: merge
key: [_file]
order_by: [_row]
*/
select _file, _row, _p0, "Shop name" from clean.sales
