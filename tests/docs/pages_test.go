package docs

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/cli"
)

var rewrite = flag.Bool("rewrite", false, "write what was seen into the pages")

// programVariable makes this test's binary be the program the pages speak of.
const programVariable = "FRESHET_DOCS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(programVariable) != "" {
		os.Exit(cli.Main(os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

const root = "../.."

// TestPages does what each page says, on a node of its own.
func TestPages(t *testing.T) {
	files := []string{filepath.Join(root, "README.md")}
	for _, folder := range []string{"tutorials", "how-to"} {
		found, err := filepath.Glob(filepath.Join(root, "docs", folder, "*.md"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no pages in %s: %v", folder, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".md"), func(t *testing.T) { follow(t, file) })
	}
}

// reader is somebody who follows a page: a directory with the built program in it, and a node.
type reader struct {
	t         *testing.T
	dir       string
	node      *exec.Cmd
	addresses [3]string // of the running node, in the order of usual
}

// usual is where a node listens that nobody configured; pages speak of these.
var usual = [3]string{"127.0.0.1:9092", "127.0.0.1:5454", "127.0.0.1:8088"}

func follow(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	steps := parse(lines)
	if len(steps) == 0 {
		return
	}
	r := newReader(t)
	if !serves.MatchString(steps[0].command) {
		r.serve("bin/freshet serve")
	}
	seen := make([]string, len(steps))
	for i, s := range steps {
		out, ok := r.do(s)
		seen[i] = out
		if !ok && !*rewrite {
			t.Fatalf("%s:%d: %s\n--- the page shows\n%s\n--- seen\n%s", file, s.line, s.command, strings.Join(s.output, "\n"), out)
		}
		if ok {
			seen[i] = strings.Join(s.output, "\n")
		}
	}
	if *rewrite {
		rewritePage(t, file, lines, steps, seen)
	}
}

func rewritePage(t *testing.T, file string, lines []string, steps []step, seen []string) {
	for i, s := range slices.Backward(steps) {
		if s.checked {
			lines = slices.Replace(lines, s.first, s.last, strings.Split(seen[i], "\n")...)
		}
	}
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
}

func newReader(t *testing.T) *reader {
	if _, err := exec.LookPath("sh"); err != nil {
		t.Skip("needs sh")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, dir: t.TempDir(), addresses: usual}
	if err := os.Mkdir(filepath.Join(r.dir, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\nexec env %s=1 '%s' \"$@\"\n", programVariable, self)
	if err := os.WriteFile(filepath.Join(r.dir, "bin", "freshet"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.kill)
	return r
}

var (
	serves  = regexp.MustCompile(`^bin/freshet (serve|datagen)\b`)
	changes = regexp.MustCompile(`(?i)\b(insert|create|drop|terminate|set|begin)\b| -P\b`)
	// others are programs a page may use and a machine may lack.
	others = regexp.MustCompile(`\b(psql|kcat|curl|python3|node)\b`)
)

// patience is how long a read may take to show what was written just before it, by another session.
const (
	patience        = 10 * time.Second
	rewritePatience = time.Second // when nobody knows yet what is to be seen
)

// do does a step and tells what was seen and whether that is what the page shows. What only reads is done again until it is.
func (r *reader) do(s step) (seen string, ok bool) {
	switch {
	case serves.MatchString(s.command):
		seen = r.serve(s.command)
	case strings.HasPrefix(s.command, "kill -9"):
		r.kill()
		return "", true
	default:
		if name := others.FindString(s.command); name != "" && !s.sql {
			if _, err := exec.LookPath(name); err != nil {
				r.t.Skipf("the rest of the page needs %s", name)
			}
		}
		long := patience
		if *rewrite {
			long = rewritePatience
		}
		ctx, cancel := context.WithTimeout(r.t.Context(), long)
		defer cancel()
		for {
			seen = r.run(s)
			if changes.MatchString(s.command) || !s.checked || matches(s.output, seen) || ctx.Err() != nil {
				break
			}
		}
	}
	return seen, !s.checked || matches(s.output, seen)
}

// environment has the program keep its data with the reader and find free ports.
func (r *reader) environment() []string {
	return append(os.Environ(), "XDG_DATA_HOME="+filepath.Join(r.dir, "share"), "FRESHET_KAFKA=127.0.0.1:0", "FRESHET_POSTGRES=127.0.0.1:0",
		"FRESHET_HTTP=127.0.0.1:0", "PGUSER=you", "TZ=UTC", "USER=you", "LC_ALL=C.UTF-8")
}

// serve starts a node in the background and waits until it says that it is ready.
func (r *reader) serve(command string) string {
	r.kill()
	node := exec.Command("sh", "-c", "exec "+command)
	node.Dir, node.Env = r.dir, r.environment()
	out, err := node.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.node = node
	ready := bufio.NewScanner(out)
	if !ready.Scan() {
		r.t.Fatalf("%s ended without a word", command)
	}
	found := regexp.MustCompile(`kafka (\S+), postgres (\S+), http (\S+),`).FindStringSubmatch(ready.Text())
	if found == nil {
		r.t.Fatalf("%s: %s", command, ready.Text())
	}
	r.addresses = [3]string(found[1:])
	return r.usually(ready.Text()) + "\n"
}

// kill ends the node as kill -9 does.
func (r *reader) kill() {
	if r.node != nil {
		_ = r.node.Process.Kill()
		_ = r.node.Wait()
		r.node = nil
	}
}

// usually puts the usual addresses in the place of the node's.
func (r *reader) usually(s string) string {
	for i, address := range r.addresses {
		s = strings.ReplaceAll(s, address, usual[i])
	}
	return s
}

// really puts the node's addresses in the place of the usual ones.
func (r *reader) really(s string) string {
	for i, address := range r.addresses {
		_, port, _ := strings.Cut(usual[i], ":")
		_, freePort, _ := strings.Cut(address, ":")
		for _, before := range []string{"localhost:", "127.0.0.1:", "-p ", "port=", "PGPORT="} {
			s = strings.ReplaceAll(s, before+port, strings.Replace(before, "localhost", "127.0.0.1", 1)+freePort)
		}
	}
	return s
}

// run runs a command or statements and returns all they print.
func (r *reader) run(s step) string {
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", r.really(s.command))
	if s.sql {
		cmd = exec.CommandContext(ctx, filepath.Join(r.dir, "bin", "freshet"), "sql", "-f", "-")
		cmd.Stdin = strings.NewReader(s.command)
	}
	cmd.Dir, cmd.Env = r.dir, r.environment()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatalf("%s: %v", s.command, err)
	}
	if err != nil && !s.checked {
		r.t.Fatalf("line %d: %s: %v\n%s", s.line, s.command, err, out)
	}
	return trimLines(r.usually(string(out)))
}
