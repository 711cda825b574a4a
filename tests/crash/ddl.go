package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/tests/harness"
)

// ddl creates and drops a stream with its topic, over and over, through the node's deaths.
type ddl struct {
	address string
	quit    chan struct{}
	done    chan struct{}
	made    int   // statements acknowledged
	failed  error // an answer that no state of the catalogue explains
	exists  bool  // what the last acknowledged statement left
}

// ddlStatements end in the state that ddl.exists tells.
const (
	ddlCreate = `CREATE STREAM flicker AS SELECT id FROM src WHERE v < 0 EMIT CHANGES`
	ddlDrop   = `DROP STREAM flicker DELETE TOPIC`
)

func startDDL(address string) *ddl {
	d := &ddl{address: address, quit: make(chan struct{}), done: make(chan struct{})}
	go d.run()
	return d
}

func (d *ddl) run() {
	defer close(d.done)
	unsure := false // the last statement was neither confirmed nor refused
	for {
		select {
		case <-d.quit:
			return
		case <-time.After(pacePause):
		}
		statement := ddlCreate
		if d.exists {
			statement = ddlDrop
		}
		ctx, cancel := context.WithTimeout(context.Background(), stuckAfter)
		err := execute(ctx, d.address, statement)
		cancel()
		var refused *pgconn.PgError
		switch {
		case err == nil:
			d.made++
			d.exists, unsure = !d.exists, false
		case errors.As(err, &refused) && unsure && (refused.Code == "42P07" || refused.Code == "42P01" || refused.Code == "42704"):
			d.exists, unsure = !d.exists, false // it had been done after all
		case errors.As(err, &refused) && !strings.HasPrefix(refused.Code, "57") && !strings.HasPrefix(refused.Code, "08"):
			d.failed = fmt.Errorf("%s: %w (unsure: %t)", statement, err, unsure)
			return
		default:
			unsure = true
		}
	}
}

// stop ends the loop and tells how many statements were acknowledged.
func (d *ddl) stop() (int, error) {
	close(d.quit)
	if _, err := await(d.done, "DDL"); err != nil {
		return 0, err
	}
	return d.made, d.failed
}

// check compares catalogue, running queries and topics: a stream has its query and its topic, one that is gone has no query. The topic of
// a dropped stream may be left when the node died between the command and the deletion.
func (d *ddl) check(ctx context.Context, node *harness.Process) error {
	conn, err := pgx.Connect(ctx, "postgres://crash@"+node.Postgres+"/freshet?sslmode=disable")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	inCatalog := false
	if _, err := conn.PgConn().Exec(ctx, `DESCRIBE flicker`).ReadAll(); err == nil {
		inCatalog = true
	}
	results, err := conn.PgConn().Exec(ctx, `SHOW QUERIES`).ReadAll()
	if err != nil {
		return err
	}
	queries := 0
	for _, row := range results[0].Rows {
		if strings.Contains(strings.ToLower(string(row[0])), "flicker") {
			queries++
		}
	}
	topics, err := topicsNamed(ctx, node.Kafka, "flicker")
	if err != nil {
		return err
	}
	want := 0
	if inCatalog {
		want = 1
	}
	if queries != want || topics < want {
		return fmt.Errorf("stream in the catalogue: %t, but %d queries and %d topics of it", inCatalog, queries, topics)
	}
	fmt.Printf("# catalogue, queries and topics agree; topics left over: %d\n", topics-want)
	return nil
}

// topicsNamed counts the topics whose name contains a word.
func topicsNamed(ctx context.Context, brokers, word string) (n int, err error) {
	cl, err := kgo.NewClient(seeds(brokers))
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	resp, err := kmsg.NewPtrMetadataRequest().RequestWith(ctx, cl)
	if err != nil {
		return 0, err
	}
	for _, t := range resp.Topics {
		if t.Topic != nil && strings.Contains(strings.ToLower(*t.Topic), word) {
			n++
		}
	}
	return n, nil
}
