package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// sqlClient is a session on the node under test.
type sqlClient struct{ conn *pgx.Conn }

func dialSQL(ctx context.Context, addr string) (*sqlClient, error) {
	conn, err := pgx.Connect(ctx, "postgres://bench@"+addr+"/freshet?sslmode=disable")
	if err != nil {
		return nil, err
	}
	return &sqlClient{conn: conn}, nil
}

func (c *sqlClient) exec(ctx context.Context, sql string) error {
	_, err := c.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// rows runs a statement by the simple protocol: every value as text.
func (c *sqlClient) rows(ctx context.Context, sql string) (columns []string, rows [][]string, err error) {
	results, err := c.conn.PgConn().Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, nil, err
	}
	for _, r := range results {
		for _, f := range r.FieldDescriptions {
			columns = append(columns, f.Name)
		}
		for _, row := range r.Rows {
			texts := make([]string, len(row))
			for i := range row {
				texts[i] = string(row[i])
			}
			rows = append(rows, texts)
		}
	}
	return columns, rows, nil
}

// value is the first column of the only row.
func (c *sqlClient) value(ctx context.Context, sql string) (string, error) {
	_, rows, err := c.rows(ctx, sql)
	if err != nil {
		return "", err
	}
	if len(rows) != 1 {
		return "", fmt.Errorf("%d rows, one expected: %s", len(rows), sql)
	}
	return rows[0][0], nil
}

// queryRecords is how many records the query that writes a relation has read, by SHOW QUERIES.
func (c *sqlClient) queryRecords(ctx context.Context, relation string) (int64, error) {
	columns, rows, err := c.rows(ctx, "SHOW QUERIES")
	if err != nil {
		return 0, err
	}
	at := map[string]int{}
	for i, name := range columns {
		at[name] = i
	}
	for _, row := range rows {
		if !strings.EqualFold(row[at["sink"]], relation) {
			continue
		}
		if state := row[at["state"]]; state == "FAILED" {
			return 0, fmt.Errorf("query failed: %v", row)
		}
		var n int64
		if _, err := fmt.Sscan(row[at["committed_records"]], &n); err != nil {
			return 0, err
		}
		return n, nil
	}
	return 0, nil
}
