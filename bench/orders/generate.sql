-- Deterministic test data: everything follows from hash(row number, salt); $N rows, folder $DIR.
-- Every block of 100 rows holds one bad row, never its first row, which serves duplicates as the original.
set preserve_insertion_order = true;

copy (
  select c as customer_id,
    'Customer ' || c as name,
    'user' || c || '@mail.example' as email,
    ['DE','FR','IT','ES','NL','BE','AT','PL','SE','DK','FI','PT','IE','CZ','GR','GB','CH','NO','US','CA'][1 + (hash(c, 21) % 20)::int] as country,
    date '2015-01-01' + (hash(c, 22) % 3600)::int as signup_date,
    ['private','business','public'][1 + (hash(c, 23) % 3)::int] as segment
  from range(1, 500001) t(c)
) to '$DIR/customers.csv' (format csv, header);

copy (
  select cur as currency, (date '2025-01-01' + d::int)::date as day,
    round(base * (0.95 + (hash(cur, d) % 1000)::int / 10000.0), 6)::decimal(12,6) as rate_to_eur
  from (values ('EUR', 1.0), ('USD', 0.92), ('GBP', 1.17), ('CHF', 1.05), ('SEK', 0.088), ('PLN', 0.232), ('DKK', 0.134), ('CZK', 0.040)) c(cur, base),
       range(0, 365) r(d)
  order by all
) to '$DIR/rates.csv' (format csv, header);

-- The plan of the bad rows: block, offset in the block, kind, second kind (or null).
create or replace temp table bad as
  with k as (
    select b, (5 + hash(b, 1) % 90)::int as off, (hash(b, 2) % 12)::int as k1,
      case when hash(b, 3) % 10 = 0 then [6, 7, 8, 9, 11, 0][1 + (hash(b, 4) % 6)::int] end as second,
      (hash(b, 5) % 3)::int as variant
    from range(0, $N // 100) t(b)
  )
  select b * 100 + off as i, b, k1, variant,
    case when k1 in (1, 10) then null when second = k1 then 2 else second end as k2
  from k;

-- One line of text per order, so that unsplittable lines can be planted too.
copy (
  select
      case when 0 in (k1, k2) then '' when k1 = 1 then (b * 100 + 1)::varchar else (i + 1)::varchar end
    || ',' || case when 8 in (k1, k2) then '' else (1 + hash(i, 11) % 500000)::varchar end
    || ',' || case when k1 = 4 then ['2025-13-45', '31/12/2025x', 'yesterday'][1 + variant] when k1 = 5 then ['1999-01-01', '2031-05-05', '2024-12-31'][1 + variant] else day::varchar end
    || ',' || case when 2 in (k1, k2) then ['N/A', '1..5', 'abc'][1 + variant] when k1 = 3 then '-' || amount else amount end
    || ',' || case when 6 in (k1, k2) then ['XXX', 'eur', 'BTC'][1 + variant] else ['EUR','USD','GBP','CHF','SEK','PLN','DKK','CZK'][1 + (hash(i, 14) % 8)::int] end
    || ',' || case when 11 in (k1, k2) then ['0', '1001', '-3'][1 + variant] else (1 + hash(i, 15) % 20)::varchar end
    || ',' || case when 9 in (k1, k2) then ['USA', 'D1', 'Germany'][1 + variant] else ['DE','FR','IT','ES','NL','BE','AT','PL','SE','DK','FI','PT','IE','CZ','GR','GB','CH','NO','US','CA'][1 + (hash(i, 16) % 20)::int] end
    || ',' || case when 7 in (k1, k2) then ['no-at-sign.example', 'a@b', 'two@@mail.example'][1 + variant] else 'user' || (1 + hash(i, 11) % 500000) || '@mail.example' end
    || ',' || ['new','paid','shipped','delivered','returned'][1 + (hash(i, 17) % 5)::int]
    || ',' || strftime(case when k1 = 1 then timestamp '2026-01-15 00:00:00' + to_seconds((hash(b * 100, 18) % 86400)::bigint) + to_days(variant - 1)
                            else timestamp '2026-01-15 00:00:00' + to_seconds((hash(i, 18) % 86400)::bigint) end, '%Y-%m-%d %H:%M:%S')
    || case when k1 = 10 then ',extra' else '' end
    as "order_id,customer_id,order_date,amount,currency,quantity,country,email,status,updated_at"
  from (
    select t.i, bad.b, bad.k1, bad.k2, bad.variant,
      (date '2025-01-01' + (hash(t.i, 12) % 365)::int)::date as day,
      (((1 + hash(t.i, 13) % 99999)::decimal(14,2)) / 100)::decimal(12,2)::varchar as amount
    from range(0, $N) t(i) left join bad on bad.i = t.i
    order by t.i
  )
) to '$DIR/orders.csv' (format csv, header true, delimiter '|', quote '', escape '');

copy (
  with r as (select unnest([k1, k2]) as k from bad)
  select
    (select count(*) from bad) as bad_rows,
    $N as rows,
    (select count(*) from bad where k1 not in (1, 10)) + (select count(*) from bad where k1 = 10) as quarantined_rows,
    (select count(*) from bad where k1 = 1) as deduplicated_rows,
    (select count(*) from bad where k2 is not null) as rows_bad_in_two_ways,
    {'order_id.required': count(*) filter (k = 0), 'amount.type': count(*) filter (k = 2), 'amount.minimum': count(*) filter (k = 3),
     'order_date.type': count(*) filter (k = 4), 'order_date.range': count(*) filter (k = 5), 'currency.enum': count(*) filter (k = 6),
     'email.pattern': count(*) filter (k = 7), 'customer_id.required': count(*) filter (k = 8), 'country.pattern': count(*) filter (k = 9),
     'quantity.range': count(*) filter (k = 11), 'corrupt': count(*) filter (k = 10)} as reasons,
    {'duplicate is older': (select count(*) from bad where k1 = 1 and variant = 0), 'same time': (select count(*) from bad where k1 = 1 and variant = 1),
     'duplicate is newer': (select count(*) from bad where k1 = 1 and variant = 2)} as duplicates
  from r
) to '$DIR/planted.json' (format json);
