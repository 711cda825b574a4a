package logic

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
	"github.com/freshetdb/freshet/tests/harness"
)

// TestLogic runs every script of testdata, each on a node of its own.
func TestLogic(t *testing.T) {
	files, err := filepath.Glob("testdata/*.slt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".slt"), func(t *testing.T) {
			t.Parallel()
			runScript(t, file)
		})
	}
}

// runner is a node, a session on it, and the directory they live on.
type runner struct {
	cfg  config.Config
	node *server.Server
	conn *pgconn.PgConn
}

func runScript(t *testing.T, file string) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := Parse(f)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	r := &runner{cfg: config.Default()}
	r.cfg.DataDir = t.TempDir()
	r.cfg.Kafka, r.cfg.Postgres, r.cfg.HTTP = "127.0.0.1:0", "127.0.0.1:0", "off"
	harness.Log(t, &r.cfg)
	r.start(t)
	for _, rec := range records {
		switch rec.Kind {
		case "restart":
			if err := r.node.Close(); err != nil {
				t.Fatalf("%s:%d: close: %v", file, rec.Line, err)
			}
			r.start(t)
			continue
		case "database":
			r.conn = harness.ConnectTo(t, r.node.Addresses().Postgres, rec.SQL)
			continue
		}
		if err := r.run(rec); err != nil {
			t.Errorf("%s:%d: %v", file, rec.Line, err)
		}
	}
}

func (r *runner) start(t *testing.T) {
	r.node = harness.StartNodeOn(t, r.cfg)
	r.conn = harness.Connect(t, r.node.Addresses().Postgres)
}

// retryFor bounds how long a record with retry is asked again.
const retryFor = 10 * time.Second

func (r *runner) run(rec Record) error {
	deadline := time.Now().Add(retryFor)
	for {
		err := r.once(rec)
		if err == nil || !rec.Retry || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *runner) once(rec Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	results, err := r.conn.Exec(ctx, rec.SQL).ReadAll()
	if rec.Code != "" {
		return checkError(rec, err)
	}
	if err != nil {
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
			return fmt.Errorf("%s\n%s: %s (position %d, hint %q)", rec.SQL, pg.Code, pg.Message, pg.Position, pg.Hint)
		}
		return fmt.Errorf("%s\n%w", rec.SQL, err)
	}
	if rec.Kind == "statement" {
		return nil
	}
	return checkRows(rec, results)
}

func checkError(rec Record, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return fmt.Errorf("%s\nexpected error %s, got %w", rec.SQL, rec.Code, err)
	}
	text := pg.Message
	if pg.Hint != "" {
		text += " HINT: " + pg.Hint
	}
	matches, rerr := regexp.MatchString(rec.Match, text)
	if rerr != nil {
		return rerr
	}
	if pg.Code != rec.Code || !matches || rec.Pos != 0 && rec.Pos != pg.Position {
		return fmt.Errorf("%s\nexpected error %s @%d %s, got %s @%d %s", rec.SQL, rec.Code, rec.Pos, rec.Match, pg.Code, pg.Position, text)
	}
	return nil
}

func checkRows(rec Record, results []*pgconn.Result) error {
	var got []string
	for _, res := range results {
		for _, row := range res.Rows {
			cells := make([]string, len(row))
			for i, v := range row {
				switch {
				case v == nil:
					cells[i] = "NULL"
				case len(v) == 0:
					cells[i] = "(empty)"
				default:
					cells[i] = string(v)
				}
			}
			got = append(got, strings.Join(cells, " "))
		}
	}
	want := slices.Clone(rec.Expect)
	if rec.Sort {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s\n---- got\n%s\n---- expected\n%s", rec.SQL, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return nil
}
