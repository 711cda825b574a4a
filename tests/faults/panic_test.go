package faults

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/executor"
	"github.com/freshetdb/freshet/server/engine"
	states "github.com/freshetdb/freshet/server/session"
	"github.com/freshetdb/freshet/sql/format"
	formats "github.com/freshetdb/freshet/sql/format/builtin"
	functions "github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/vfs"
)

// brittle is a format whose decoder panics at a payload that says so: a defect of ours.
type brittle struct{ format.Format }

func (b brittle) NewDecoder(o format.Options) (format.Decoder, *sqlerr.Error) {
	d, err := b.Format.NewDecoder(o)
	if err != nil {
		return nil, err
	}
	return brittleDecoder{d}, nil
}

type brittleDecoder struct{ format.Decoder }

func (d brittleDecoder) Decode(buf []byte, offs, lens []int32, out []*vector.Vector, bad []format.BadRow) []format.BadRow {
	for i, at := range offs {
		if strings.Contains(string(buf[at:at+max(lens[i], 0)]), `"boom"`) {
			panic("a defect in a decoder")
		}
	}
	return d.Decoder.Decode(buf, offs, lens, out, bad)
}

// TestPanickingTask: a defect in one query's task fails that query, with its cause in SHOW QUERIES; the node and the others go on.
func TestPanickingTask(t *testing.T) {
	t.Parallel()
	ctx := testContext(t)
	log := slog.New(slog.NewTextHandler(logTo(), nil))
	registry := formats.New()
	json, lookup := registry.Lookup("JSON")
	if lookup != nil {
		t.Fatal(lookup)
	}
	registry.Register(brittle{json})
	fs := vfs.NewMem()
	b, err := broker.Start(ctx, broker.Options{FS: fs, DataDir: "data/log", Listen: []string{"127.0.0.1:0"}, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	x, err := executor.Open(ctx, executor.Options{
		Client: b.Client(), Formats: registry, FS: fs, Dir: "data/state", CommitInterval: 10 * time.Millisecond, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(ctx, engine.Options{Client: b.Client(), Executor: x, Functions: functions.New(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	sess, err := e.Open(ctx, states.Identity{User: "u", Database: "freshet"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`CREATE STREAM good (id BIGINT) WITH (KAFKA_TOPIC = 'good', VALUE_FORMAT = 'JSON', PARTITIONS = 1)`,
		`CREATE STREAM bad (id BIGINT) WITH (KAFKA_TOPIC = 'bad', VALUE_FORMAT = 'JSON', PARTITIONS = 1)`,
		`CREATE TABLE of_good AS SELECT id, count(*) AS n FROM good GROUP BY id EMIT CHANGES`,
		`CREATE TABLE of_bad AS SELECT id, count(*) AS n FROM bad GROUP BY id EMIT CHANGES`,
	} {
		if _, err := ask(ctx, e, sess, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	cl := newClient(t, b.Addr().String())
	send := func(topic, value string) {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Value: []byte(value)}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	send("good", `{"id":1}`)
	send("bad", `{"id":1,"x":"boom"}`)
	until(t, func(ctx context.Context) error {
		out, err := ask(ctx, e, sess, `SHOW QUERIES`)
		if err == nil && !strings.Contains(out, "a defect in a decoder") {
			err = fmt.Errorf("SHOW QUERIES does not tell the cause: %s", out)
		}
		return err
	})
	for n := 2; n < 12; n++ {
		send("good", `{"id":1}`)
		until(t, func(ctx context.Context) error {
			out, err := ask(ctx, e, sess, `SELECT n FROM of_good`)
			if err == nil && out != fmt.Sprint(n) {
				err = fmt.Errorf("the query beside: %q, want %d", out, n)
			}
			return err
		})
	}
	cl.Close()
	for _, stop := range []func() error{e.Close, x.Close, b.Close} {
		if err := stop(); err != nil {
			t.Error(err)
		}
	}
}

// ask runs a statement on an engine and gives its rows as text.
func ask(ctx context.Context, e *engine.Engine, sess *states.Session, sql string) (string, error) {
	var out []string
	err := e.Execute(ctx, sess, sql, func(r *states.Result) error {
		defer r.Close()
		return r.Run(ctx, func(c *vector.Chunk) error {
			for i := range c.Rows() {
				row := i
				if c.Sel != nil {
					row = int(c.Sel[i])
				}
				var cells []string
				for _, col := range c.Cols {
					cells = append(cells, string(vector.AppendText(nil, col, row, sess.Style)))
				}
				out = append(out, strings.Join(cells, " "))
			}
			return nil
		})
	})
	return strings.Join(out, "\n"), err
}
