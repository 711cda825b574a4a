package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshetdb/freshet/tests/harness"
)

// checkEngine compares what readers of committed records and of views see with what was acknowledged: ids 0 to acked-1, v = id % 7.
func checkEngine(ctx context.Context, node *harness.Process, acked int64) error {
	err := checkOnce(ctx, node.Kafka, "copied", acked, func(r *kgo.Record) error {
		var row struct{ ID, Doubled int64 }
		if err := json.Unmarshal(r.Value, &row); err != nil || row.Doubled != row.ID%7*2 {
			return fmt.Errorf("copied-%d at %d: %s", r.Partition, r.Offset, r.Value)
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("# output: %d records, each exactly once\n", acked)
	for _, view := range []string{"totals", "ends", "windows"} {
		if err := checkTotals(ctx, node.Postgres, view, acked); err != nil {
			return err
		}
	}
	return nil
}

// checkSource: what an idempotent producer sent is in its topic once, and in each partition in the order sent.
func checkSource(ctx context.Context, brokers string, acked int64) error {
	last := map[int32]int64{}
	err := checkOnce(ctx, brokers, "src", acked, func(r *kgo.Record) error {
		var row struct{ ID int64 }
		if err := json.Unmarshal(r.Value, &row); err != nil {
			return err
		}
		if before, ok := last[r.Partition]; ok && before >= row.ID {
			return fmt.Errorf("src-%d at %d: id %d after %d", r.Partition, r.Offset, row.ID, before)
		}
		last[r.Partition] = row.ID
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Printf("# source: %d records, each exactly once, in order\n", acked)
	return nil
}

// checkOnce: a topic holds every id from 0 to acked-1 once for readers of committed records. each, when given, looks at every record.
func checkOnce(ctx context.Context, brokers, topic string, acked int64, each func(*kgo.Record) error) error {
	seen := make([]uint8, acked)
	err := readCommitted(ctx, brokers, topic, acked, quietAfter, func(r *kgo.Record) error {
		var row struct{ ID int64 }
		if err := json.Unmarshal(r.Value, &row); err != nil {
			return fmt.Errorf("%s-%d at %d: %w", topic, r.Partition, r.Offset, err)
		}
		if row.ID < 0 || row.ID >= acked {
			return fmt.Errorf("%s-%d at %d: id %d was never produced", topic, r.Partition, r.Offset, row.ID)
		}
		if seen[row.ID]++; seen[row.ID] > 1 {
			return fmt.Errorf("%s-%d at %d: id %d came a second time", topic, r.Partition, r.Offset, row.ID)
		}
		if each == nil {
			return nil
		}
		return each(r)
	})
	if err != nil {
		return err
	}
	for id, n := range seen {
		if n == 0 {
			return fmt.Errorf("acknowledged record %d is missing from %s", id, topic)
		}
	}
	return nil
}

// quietAfter is how long a topic must bring nothing before it counts as read to its end.
const quietAfter = 2 * time.Second

// checkTotals compares a view, its windows added up, with the answer computed from what was produced; it waits for it to be complete.
func checkTotals(ctx context.Context, addr, view string, acked int64) error {
	conn, err := pgx.Connect(ctx, "postgres://crash@"+addr+"/freshet?sslmode=disable")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	deadline := time.Now().Add(catchUpMax)
	for {
		var n int64
		if err := conn.QueryRow(ctx, `SELECT coalesce(sum(n), 0)::bigint FROM `+view).Scan(&n); err != nil {
			return err
		}
		if n == acked {
			break
		}
		if n > acked || time.Now().After(deadline) {
			return fmt.Errorf("view %s has counted %d records, %d were acknowledged", view, n, acked)
		}
		time.Sleep(50 * time.Millisecond)
	}
	count, sum := make([]int64, 1000), make([]int64, 1000)
	for id := range acked {
		count[id%1000]++
		sum[id%1000] += id % 7
	}
	rows, err := conn.Query(ctx, `SELECT k, sum(n)::bigint, sum(total)::bigint FROM `+view+` GROUP BY k`)
	if err != nil {
		return err
	}
	defer rows.Close()
	keys := 0
	for rows.Next() {
		var k, n, total int64
		if err := rows.Scan(&k, &n, &total); err != nil {
			return err
		}
		keys++
		if n != count[k] || total != sum[k] {
			return fmt.Errorf("view %s at %d: count %d, sum %d; the batch answer is %d, %d", view, k, n, total, count[k], sum[k])
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if want := int(min(acked, 1000)); keys != want {
		return fmt.Errorf("view %s has %d keys, %d expected", view, keys, want)
	}
	fmt.Printf("# view %s: %d keys equal to the batch answer\n", view, keys)
	return nil
}
