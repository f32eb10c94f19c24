-- The same job, written by hand: the honest rival. Split into stages by "-- stage: NAME"; $IN and $OUT are folders.

-- stage: raw
copy (
  select *, 'orders.csv' as _source, row_number() over () as _position, now() as _ingested_at, null::blob as _corrupt
  from read_csv('$IN/orders.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', store_rejects = true, rejects_limit = 0,
    columns = {'order_id': 'VARCHAR', 'customer_id': 'VARCHAR', 'order_date': 'VARCHAR', 'amount': 'VARCHAR', 'currency': 'VARCHAR',
               'quantity': 'VARCHAR', 'country': 'VARCHAR', 'email': 'VARCHAR', 'status': 'VARCHAR', 'updated_at': 'VARCHAR'})
) to '$OUT/raw/orders.parquet' (format parquet);
copy (
  -- one line can carry several errors; _position of a corrupt record is its record number, header included
  select null::varchar as order_id, null::varchar as customer_id, null::varchar as order_date, null::varchar as amount, null::varchar as currency,
    null::varchar as quantity, null::varchar as country, null::varchar as email, null::varchar as status, null::varchar as updated_at,
    'orders.csv' as _source, line::bigint as _position, now() as _ingested_at, encode(any_value(csv_line)) as _corrupt
  from reject_errors group by scan_id, file_id, line
) to '$OUT/raw/orders_corrupt.parquet' (format parquet);
copy (
  select *, 'customers.csv' as _source, row_number() over () as _position, now() as _ingested_at, null::blob as _corrupt
  from read_csv('$IN/customers.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    columns = {'customer_id': 'VARCHAR', 'name': 'VARCHAR', 'email': 'VARCHAR', 'country': 'VARCHAR', 'signup_date': 'VARCHAR', 'segment': 'VARCHAR'})
) to '$OUT/raw/customers.parquet' (format parquet);
copy (
  select *, 'rates.csv' as _source, row_number() over () as _position, now() as _ingested_at, null::blob as _corrupt
  from read_csv('$IN/rates.csv', auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    columns = {'currency': 'VARCHAR', 'day': 'VARCHAR', 'rate_to_eur': 'VARCHAR'})
) to '$OUT/raw/rates.parquet' (format parquet);

-- stage: clean
set preserve_insertion_order = false;
create temp view typed as
  select *,
    try_cast(order_id as bigint) as t_order_id, try_cast(customer_id as bigint) as t_customer_id, try_cast(order_date as date) as t_order_date,
    try_cast(amount as decimal(12,2)) as t_amount, try_cast(quantity as integer) as t_quantity, try_cast(updated_at as timestamp) as t_updated_at
  from read_parquet(['$OUT/raw/orders.parquet', '$OUT/raw/orders_corrupt.parquet']);
create temp view flagged as
  select *, coalesce(
      _corrupt is null and t_order_id is not null and t_customer_id is not null and t_updated_at is not null
      and t_order_date between date '2025-01-01' and date '2025-12-31'
      and t_amount >= 0 and t_quantity between 1 and 1000
      and currency in ('EUR','USD','GBP','CHF','SEK','PLN','DKK','CZK')
      and status in ('new','paid','shipped','delivered','returned')
      and regexp_full_match(country, '[A-Z]{2}')
      and regexp_full_match(email, '[^@\s]+@[^@\s]+\.[^@\s]+'), false) as good
  from typed;
copy (
  select t_order_id as order_id, t_customer_id as customer_id, t_order_date as order_date, t_amount as amount, currency, t_quantity as quantity,
    country, email, status, t_updated_at as updated_at, _source, _position
  from flagged where good
  qualify row_number() over (partition by t_order_id order by t_updated_at desc, _source desc, _position desc) = 1
) to '$OUT/clean/orders.parquet' (format parquet);
copy (
  select cast(customer_id as bigint) as customer_id, name, email, country, cast(signup_date as date) as signup_date, segment
  from '$OUT/raw/customers.parquet'
) to '$OUT/clean/customers.parquet' (format parquet);
copy (
  select currency, cast(day as date) as day, cast(rate_to_eur as decimal(12,6)) as rate_to_eur from '$OUT/raw/rates.parquet'
) to '$OUT/clean/rates.parquet' (format parquet);

-- stage: quarantine
copy (
  select {'order_id': order_id, 'customer_id': customer_id, 'order_date': order_date, 'amount': amount, 'currency': currency, 'quantity': quantity,
          'country': country, 'email': email, 'status': status, 'updated_at': updated_at} as payload, _corrupt,
    case when _corrupt is not null then [{'rule': 'corrupt', 'column': null::varchar, 'message': 'the line cannot be split into 10 columns'}] else
    list_filter([
      case when order_id is null then {'rule': 'order_id.required', 'column': 'order_id', 'message': 'is missing'} end,
      case when order_id is not null and t_order_id is null then {'rule': 'order_id.type', 'column': 'order_id', 'message': 'is not an integer: ' || order_id} end,
      case when customer_id is null then {'rule': 'customer_id.required', 'column': 'customer_id', 'message': 'is missing'} end,
      case when customer_id is not null and t_customer_id is null then {'rule': 'customer_id.type', 'column': 'customer_id', 'message': 'is not an integer: ' || customer_id} end,
      case when order_date is null then {'rule': 'order_date.required', 'column': 'order_date', 'message': 'is missing'} end,
      case when order_date is not null and t_order_date is null then {'rule': 'order_date.type', 'column': 'order_date', 'message': 'is not a date: ' || order_date} end,
      case when t_order_date not between date '2025-01-01' and date '2025-12-31' then {'rule': 'order_date.range', 'column': 'order_date', 'message': 'is outside of 2025: ' || order_date} end,
      case when amount is null then {'rule': 'amount.required', 'column': 'amount', 'message': 'is missing'} end,
      case when amount is not null and t_amount is null then {'rule': 'amount.type', 'column': 'amount', 'message': 'is not a decimal(12,2): ' || amount} end,
      case when t_amount < 0 then {'rule': 'amount.minimum', 'column': 'amount', 'message': 'is below 0: ' || amount} end,
      case when currency is null then {'rule': 'currency.required', 'column': 'currency', 'message': 'is missing'} end,
      case when currency not in ('EUR','USD','GBP','CHF','SEK','PLN','DKK','CZK') then {'rule': 'currency.enum', 'column': 'currency', 'message': 'is not in the list: ' || currency} end,
      case when quantity is null then {'rule': 'quantity.required', 'column': 'quantity', 'message': 'is missing'} end,
      case when quantity is not null and t_quantity is null then {'rule': 'quantity.type', 'column': 'quantity', 'message': 'is not an integer: ' || quantity} end,
      case when t_quantity not between 1 and 1000 then {'rule': 'quantity.range', 'column': 'quantity', 'message': 'is not in 1..1000: ' || quantity} end,
      case when country is null then {'rule': 'country.required', 'column': 'country', 'message': 'is missing'} end,
      case when not regexp_full_match(country, '[A-Z]{2}') then {'rule': 'country.pattern', 'column': 'country', 'message': 'is not two capital letters: ' || country} end,
      case when email is null then {'rule': 'email.required', 'column': 'email', 'message': 'is missing'} end,
      case when not regexp_full_match(email, '[^@\s]+@[^@\s]+\.[^@\s]+') then {'rule': 'email.pattern', 'column': 'email', 'message': 'is not an address: ' || email} end,
      case when status is null then {'rule': 'status.required', 'column': 'status', 'message': 'is missing'} end,
      case when status not in ('new','paid','shipped','delivered','returned') then {'rule': 'status.enum', 'column': 'status', 'message': 'is not in the list: ' || status} end,
      case when updated_at is null then {'rule': 'updated_at.required', 'column': 'updated_at', 'message': 'is missing'} end,
      case when updated_at is not null and t_updated_at is null then {'rule': 'updated_at.type', 'column': 'updated_at', 'message': 'is not a timestamp: ' || updated_at} end
    ], lambda r: r is not null) end as reasons,
    now() as at, _source, _position
  from flagged where not good
) to '$OUT/quarantine/orders.parquet' (format parquet);

-- stage: daily_revenue
copy (
  select o.order_date as day, c.country, sum(o.amount * r.rate_to_eur) as revenue_eur, count(*) as orders
  from '$OUT/clean/orders.parquet' o
  join '$OUT/clean/customers.parquet' c using (customer_id)
  join '$OUT/clean/rates.parquet' r on r.currency = o.currency and r.day = o.order_date
  group by all
  order by day, country
) to '$OUT/curated/daily_revenue' (format parquet, partition_by (day), overwrite);
