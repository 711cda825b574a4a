// Package faults proves on a whole node that nothing acknowledged is lost and nothing counts twice: power cuts at random disk
// operations over a file system in memory that forgets what was not synced, failing disks, damaged files, panicking tasks.
//
// Everything random comes from a seed that is printed; -seed repeats it, as far as goroutines let it.
package faults

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
	"github.com/freshetdb/freshet/storage/vfs"
)

var seedFlag = flag.Uint64("seed", 0, "of everything random; 0: a new one")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seeded makes the test's random source and prints its seed.
func seeded(t *testing.T) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// patience bounds what a test waits for.
const patience = 30 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// disk is a file system in memory with a switch for faults.
type disk struct {
	mem   *vfs.MemFS
	fault atomic.Pointer[vfs.Fault]
}

func newDisk(mem *vfs.MemFS) *disk { return &disk{mem: mem} }

// set makes operations fail; nil ends that.
func (d *disk) set(f vfs.Fault) {
	if f == nil {
		d.fault.Store(nil)
		return
	}
	d.fault.Store(&f)
}

func (d *disk) fs() vfs.FS {
	return vfs.Inject(d.mem, func(op vfs.Op) error {
		if f := d.fault.Load(); f != nil {
			return (*f)(op)
		}
		return nil
	})
}

// dataDir is the node's directory on its file system.
const dataDir = "data"

// dumpBytes makes state be dumped every few commits.
const dumpBytes = 4 << 10

func start(t *testing.T, fs vfs.FS) *server.Server {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = dataDir
	cfg.Kafka, cfg.Postgres, cfg.HTTP = "127.0.0.1:0", "127.0.0.1:0", config.Off
	cfg.CommitInterval, cfg.StateDumpBytes = 10*time.Millisecond, dumpBytes
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	node, err := server.StartOn(ctx, cfg, fs, slog.New(slog.NewTextHandler(logTo(), nil)))
	if err != nil {
		t.Fatal("start: ", err)
	}
	return node
}

// logTo is where nodes log: FRESHET_TEST_LOG=1 shows it.
func logTo() io.Writer {
	if os.Getenv("FRESHET_TEST_LOG") != "" {
		return os.Stderr
	}
	return io.Discard
}

// session is a Postgres session of a test.
type session struct {
	t    *testing.T
	conn *pgconn.PgConn
}

func connect(t *testing.T, node *server.Server) *session {
	t.Helper()
	conn, err := pgconn.Connect(testContext(t), "postgres://test@"+node.Addresses().Postgres+"/freshet?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	return &session{t: t, conn: conn}
}

func (s *session) close() { _ = s.conn.Close(context.Background()) }

// query runs a statement and gives its rows, columns joined by spaces.
func (s *session) query(ctx context.Context, sql string) ([]string, error) {
	results, err := s.conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, row := range results[len(results)-1].Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = string(c)
		}
		out = append(out, strings.Join(cells, " "))
	}
	return out, nil
}

// must is query for statements that have to work.
func (s *session) must(statements ...string) (rows []string) {
	s.t.Helper()
	for _, sql := range statements {
		var err error
		if rows, err = s.query(testContext(s.t), sql); err != nil {
			s.t.Fatalf("%s: %v", sql, err)
		}
	}
	return rows
}

// eventually asks until the answer is the wanted one.
func (s *session) eventually(sql, want string) {
	s.t.Helper()
	until(s.t, func(ctx context.Context) error {
		rows, err := s.query(ctx, sql)
		if err != nil {
			return err
		}
		if got := strings.Join(rows, ", "); got != want {
			return fmt.Errorf("%s: %s, want %s", sql, got, want)
		}
		return nil
	})
}

// retryPause is the pause between two looks at something that takes its time.
const retryPause = 5 * time.Millisecond

// until calls f until it succeeds.
func until(t *testing.T, f func(context.Context) error) {
	t.Helper()
	ctx := testContext(t)
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still, after %s: %v", patience, err)
		case <-time.After(retryPause):
		}
	}
}
