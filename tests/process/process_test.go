// Package process tests the binary as an operator meets it: flags, environment, ports, signals, directories.
package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshetdb/freshet/tests/harness"
)

// patience bounds what a test waits for.
const patience = 60 * time.Second

var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

// run builds the binary once for all tests.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "freshet-process-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "freshet")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", binary, "../../cli/freshet") // make build's flags: what is cached is reused
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build freshet:", err)
		return 1
	}
	return m.Run()
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func start(t *testing.T, dataDir string, before *harness.Process, args ...string) *harness.Process {
	t.Helper()
	began := time.Now()
	p, err := harness.StartProcess(testContext(t), binary, dataDir, before, args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("ready in %d ms", time.Since(began).Milliseconds())
	t.Cleanup(p.Kill)
	return p
}

// serve runs the binary until it ends by itself; it must.
func serve(t *testing.T, environ []string, args ...string) (output string, code int) {
	t.Helper()
	cmd := exec.CommandContext(testContext(t), binary, append([]string{"serve"}, args...)...)
	cmd.Env = append(os.Environ(), environ...)
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// anywhere are flags that take free ports.
func anywhere(dir string) []string {
	return []string{"--data-dir", dir, "--kafka", "127.0.0.1:0", "--postgres", "127.0.0.1:0", "--http", "127.0.0.1:0"}
}

// TestRefusals: what a node cannot start with is told in one sentence, with an exit code.
func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	first := start(t, filepath.Join(dir, "data"), nil)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().String()
	file := filepath.Join(dir, "a-file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other")
	for name, test := range map[string]struct {
		environ []string
		args    []string
		want    []string
	}{
		"second process":   {nil, anywhere(first.DataDir), []string{"data directory is in use", "process " + strconv.Itoa(first.Pid()), "--data-dir"}},
		"kafka port":       {nil, append(anywhere(other), "--kafka", port), []string{port, "in use"}},
		"postgres port":    {nil, append(anywhere(other), "--postgres", port), []string{port, "in use"}},
		"http port":        {nil, append(anywhere(other), "--http", port), []string{port, "in use"}},
		"open address":     {nil, append(anywhere(other), "--kafka", "0.0.0.0:0"), []string{"--kafka", "0.0.0.0:0", "--insecure"}},
		"any address":      {nil, append(anywhere(other), "--postgres", ":5454"), []string{"--postgres", "--insecure"}},
		"failpoints":       {[]string{"GO_FAILPOINTS=x=panic"}, anywhere(other), []string{"GO_FAILPOINTS", "unset it"}},
		"failpoints http":  {[]string{"GO_FAILPOINTS_HTTP=127.0.0.1:1"}, anywhere(other), []string{"GO_FAILPOINTS_HTTP", "unset it"}},
		"directory a file": {nil, anywhere(file), []string{file}},
		"no such flag":     {nil, []string{"--kafk", "x"}, []string{"--kafk"}},
		"bad value":        {nil, append(anywhere(other), "--max-connections", "many"), []string{"max-connections", "many"}},
		"bad environment":  {[]string{"FRESHET_COMMIT_INTERVAL=soon"}, anywhere(other), []string{"FRESHET_COMMIT_INTERVAL", "soon"}},
		"same port twice":  {nil, append(anywhere(other), "--kafka", "127.0.0.1:7", "--http", "127.0.0.1:7"), []string{"--kafka", "--http", "both"}},
		"no config file":   {nil, append(anywhere(other), "--config", file+".toml"), []string{file + ".toml"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := serve(t, test.environ, test.args...)
			if code == 0 || code == -1 {
				t.Errorf("exit code %d", code)
			}
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not in: %s", want, out)
				}
			}
			if strings.Contains(out, "goroutine ") || strings.Count(out, "\n") > 12 {
				t.Errorf("not a message for people: %s", out)
			}
		})
	}
	if err := first.Stop(); err != nil {
		t.Errorf("the first node after all this: %v", err)
	}
}

// TestUnreadableDirectory: permissions are told as such.
func TestUnreadableDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	out, code := serve(t, nil, anywhere(filepath.Join(dir, "data"))...)
	if code == 0 || !strings.Contains(out, "permission denied") || !strings.Contains(out, dir) {
		t.Errorf("exit code %d: %s", code, out)
	}
}

// TestPrecedence: a flag beats the environment, which beats the file, which beats the default.
func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "freshet.toml")
	text := "http = 'off'\npostgres = 'nonsense-from-the-file'\ndefault-database = 'from_file'\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--kafka", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "FRESHET_CONFIG="+file, "FRESHET_POSTGRES=127.0.0.1:0", "FRESHET_KAFKA=nonsense-from-the-environment",
		"FRESHET_DATA_DIR="+filepath.Join(dir, "data"))
	line := readyLine(t, cmd)
	if !strings.Contains(line, "http ,") && !strings.Contains(line, "http off") {
		t.Errorf("http is not off: %s", line)
	}
	_, rest, _ := strings.Cut(line, "postgres ")
	address, _, _ := strings.Cut(rest, ",")
	conn, err := pgconn.Connect(testContext(t), "postgres://u@"+address+"/from_file?sslmode=disable")
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	_ = conn.Close(testContext(t))
}

// readyLine starts a command that is ended with the test, and gives the line that says it is ready.
func readyLine(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := <-ended; err != nil {
			t.Errorf("after SIGTERM: %v", err)
		}
	})
	ctx := testContext(t)
	for {
		for line := range strings.Lines(out.String()) {
			if strings.HasPrefix(line, "freshet is ready") {
				return strings.TrimSpace(line)
			}
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("ended: %v: %s", err, out.String())
		case <-ctx.Done():
			t.Fatalf("not ready: %s", out.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// statements make something to lose.
var statements = []string{
	`CREATE STREAM src (id BIGINT) WITH (KAFKA_TOPIC = 'src', VALUE_FORMAT = 'JSON', PARTITIONS = 1)`,
	`CREATE TABLE totals AS SELECT id % 10 AS k, count(*) AS n FROM src GROUP BY id % 10 EMIT CHANGES`,
}

func produce(t *testing.T, p *harness.Process, from, to int) {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(p.Kafka), kgo.DefaultProduceTopic("src"))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for id := from; id < to; id++ {
		cl.Produce(context.Background(), &kgo.Record{Value: fmt.Appendf(nil, `{"id":%d}`, id)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("produce: %v", err)
			}
		})
	}
	if err := cl.Flush(testContext(t)); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, p *harness.Process, statements ...string) string {
	t.Helper()
	ctx := testContext(t)
	conn, err := pgconn.Connect(ctx, "postgres://u@"+p.Postgres+"/freshet?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var cell string
	for _, sql := range statements {
		results, err := conn.Exec(ctx, sql).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		if rows := results[len(results)-1].Rows; len(rows) > 0 {
			cell = string(rows[0][0])
		}
	}
	return cell
}

func wantTotal(t *testing.T, p *harness.Process, want int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		got := query(t, p, `SELECT coalesce(sum(n), 0)::bigint FROM totals`)
		if got == strconv.Itoa(want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the view has %s records, %d were acknowledged", got, want)
		}
	}
}

// TestEnds: SIGTERM is a clean stop with exit code 0 and gives everything free; SIGKILL loses nothing; the directory opens again.
func TestEnds(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data, nil)
	query(t, p, statements...)
	produce(t, p, 0, 1000)
	p.Kill()
	p = start(t, data, p)
	wantTotal(t, p, 1000)
	produce(t, p, 1000, 2000)
	began := time.Now()
	if err := p.Stop(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	t.Logf("stopped in %d ms", time.Since(began).Milliseconds())
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a clean stop took %s", took)
	}
	p = start(t, data, p)
	wantTotal(t, p, 2000)
	if err := p.Stop(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

// TestCorruptTail: what a power cut may leave behind the last synced batch is cut off at the start; nothing acknowledged is lost.
func TestCorruptTail(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data, nil)
	query(t, p, statements...)
	produce(t, p, 0, 500)
	wantTotal(t, p, 500)
	p.Kill()
	segments, err := filepath.Glob(filepath.Join(data, "log", "topics", "src-*", "*.log"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("segments of src: %v, %v", segments, err)
	}
	f, err := os.OpenFile(segments[len(segments)-1], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(bytes.Repeat([]byte{0xde, 0xad, 0, 0, 1}, 1000)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	p = start(t, data, p)
	wantTotal(t, p, 500)
	produce(t, p, 500, 700)
	wantTotal(t, p, 700)
	if err := p.Stop(); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

// TestReadiness: /readyz never says yes before the node answers, and /healthz answers.
func TestReadiness(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data, nil) // waits for /readyz
	query(t, p, statements...)
	for path, want := range map[string]int{"/readyz": http.StatusOK, "/healthz": http.StatusOK, "/metrics": http.StatusOK, "/nothing": http.StatusNotFound} {
		resp, err := http.Get("http://" + p.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}
