package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/executor"
	"github.com/freshetdb/freshet/server/session"
	formats "github.com/freshetdb/freshet/sql/format/builtin"
	functions "github.com/freshetdb/freshet/sql/functions/builtin"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/vector"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds what a test waits for.
const patience = 20 * time.Second

// node is a broker, an executor and an engine on a file system in memory.
type node struct {
	fs       vfs.FS
	broker   *broker.Broker
	executor *executor.Executor
	engine   *Engine
}

func logger() *slog.Logger {
	if os.Getenv("FRESHET_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func startNode(t testing.TB, fs vfs.FS) *node {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := broker.Start(ctx, broker.Options{FS: fs, DataDir: "data", Listen: []string{"127.0.0.1:0"}, Logger: logger()})
	if err != nil {
		t.Fatal(err)
	}
	x, err := executor.Open(ctx, executor.Options{
		Client: b.Client(), Formats: formats.New(), FS: fs, Dir: "data/state", CommitInterval: 10 * time.Millisecond, Log: logger(),
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(ctx, Options{Client: b.Client(), Executor: x, Functions: functions.New(), Version: "test", Log: logger()})
	if err != nil {
		t.Fatal(err)
	}
	return &node{fs: fs, broker: b, executor: x, engine: e}
}

func (n *node) stop(t testing.TB) {
	t.Helper()
	if err := errors.Join(n.engine.Close(), n.executor.Close(), n.broker.Close()); err != nil {
		t.Error(err)
	}
}

func (n *node) open(t testing.TB, database string) *session.Session {
	t.Helper()
	sess, err := n.engine.Open(context.Background(), session.Identity{User: "u", Database: database}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return sess
}

// run executes a text as the wire would and prints its results. rows bounds endless ones.
func (n *node) run(sess *session.Session, text string, rows int) string {
	var out strings.Builder
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := n.engine.Execute(ctx, sess, text, func(r *session.Result) error {
		defer r.Close()
		return render(ctx, &out, sess, r, rows)
	})
	if err != nil {
		sess.Fail()
		e := sqlerr.From(err)
		fmt.Fprintf(&out, "error %s at %d: %s\n", e.Code, e.Pos, e.Message)
		if e.Detail != "" {
			fmt.Fprintf(&out, "  detail: %s\n", e.Detail)
		}
		if e.Hint != "" {
			fmt.Fprintf(&out, "  hint: %s\n", e.Hint)
		}
	}
	return out.String()
}

var errEnough = errors.New("enough rows")

func render(ctx context.Context, out *strings.Builder, sess *session.Session, r *session.Result, rows int) error {
	notices := func() {
		for _, m := range r.Notices {
			fmt.Fprintf(out, "%s: %s\n", m.Severity, m.Message)
		}
		r.Notices = nil
	}
	notices()
	if r.HasRows() {
		var names []string
		for _, c := range r.Columns {
			names = append(names, c.Name+" "+c.Type.String())
		}
		fmt.Fprintf(out, "(%s)\n", strings.Join(names, ", "))
	}
	sent := 0
	err := r.Run(ctx, func(c *vector.Chunk) error {
		for i := range c.Rows() {
			row := i
			if c.Sel != nil {
				row = int(c.Sel[i])
			}
			for n, v := range c.Cols {
				if n > 0 {
					out.WriteString("|")
				}
				if v.IsNull(row) {
					out.WriteString("NULL")
				} else {
					out.Write(vector.AppendText(nil, v, row, sess.Style))
				}
			}
			out.WriteString("\n")
			if sent++; r.Live() && sent == rows {
				return errEnough
			}
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		fmt.Fprintf(out, "…\n")
		return nil
	}
	if err != nil {
		return err
	}
	notices()
	if r.Counted {
		fmt.Fprintf(out, "%s %d\n", r.Tag, sent)
	} else {
		fmt.Fprintf(out, "%s\n", r.Tag)
	}
	return nil
}

// TestScripts runs testdata: each file is a node. "sql [session=name] [database=name] [rows=n]" executes a text; "restart" stops the
// node and starts it again.
func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		n := startNode(t, vfs.NewMem())
		defer func() { n.stop(t) }()
		sessions := map[string]*session.Session{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "restart":
				for _, sess := range sessions {
					n.engine.CloseSession(sess)
				}
				clear(sessions)
				n.stop(t)
				n = startNode(t, n.fs)
				return ""
			case "sql":
				name, database, rows := "main", "freshet", 1
				d.MaybeScanArgs(t, "session", &name)
				d.MaybeScanArgs(t, "database", &database)
				d.MaybeScanArgs(t, "rows", &rows)
				if sessions[name] == nil {
					sessions[name] = n.open(t, database)
				}
				out := n.run(sessions[name], d.Input, rows)
				if s := sessions[name].Status(); s != session.Idle {
					out += fmt.Sprintf("[%c]\n", s)
				}
				return out
			}
			d.Fatalf(t, "unknown command %s", d.Cmd)
			return ""
		})
		for _, sess := range sessions {
			n.engine.CloseSession(sess)
		}
	})
}

// TestPowerCut has a node lose what it has not synced: what was acknowledged is there in the next life.
func TestPowerCut(t *testing.T) {
	disk := vfs.NewCrashableMem()
	n := startNode(t, disk)
	sess := n.open(t, "freshet")
	out := n.run(sess, `CREATE TABLE t (k INT PRIMARY KEY, v VARCHAR) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON', PARTITIONS=3);
		INSERT INTO t VALUES (1, 'one'), (2, 'two'), (3, 'three'); CREATE TABLE c AS SELECT v, COUNT(*) AS n FROM t GROUP BY v;`, 1)
	if strings.Contains(out, "error") {
		t.Fatal(out)
	}
	cut := vfs.Crash(disk, 0, nil)
	n.engine.CloseSession(sess)
	n.stop(t)

	n = startNode(t, cut)
	defer n.stop(t)
	sess = n.open(t, "freshet")
	defer n.engine.CloseSession(sess)
	out = n.run(sess, "WAIT; SELECT COUNT(*) FROM t; SELECT COUNT(*) FROM c; CREATE STREAM s (k INT KEY) WITH (KAFKA_TOPIC='t', VALUE_FORMAT='JSON')", 1)
	if want := "WAIT\n(count bigint)\n3\nSELECT 1\n(count bigint)\n3\nSELECT 1\nCREATE STREAM\n"; out != want {
		t.Fatalf("%s, want %s", out, want)
	}
}
