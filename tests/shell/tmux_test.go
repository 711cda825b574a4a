// Package shell types into the shell as a person does, in a real terminal (tmux), and looks at the screen.
package shell

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/freshetdb/freshet/cli"
	"github.com/freshetdb/freshet/server"
	"github.com/freshetdb/freshet/server/config"
)

// asShell in the environment makes the test binary be freshet.
const asShell = "FRESHET_TEST_AS_SHELL"

func TestMain(m *testing.M) {
	if os.Getenv(asShell) != "" {
		os.Exit(cli.Main(os.Args[1:], cli.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

// patience bounds how long the screen may take to show what is expected.
const patience = 20 * time.Second

// terminal is a tmux session of its own server.
type terminal struct {
	t      *testing.T
	socket string
	tmux   string
}

// open starts a node, and a shell on it in a terminal. When the shell ends, the terminal shows EXIT and its code, then the
// terminal's modes.
func open(t *testing.T) *terminal {
	t.Helper()
	tmux, err := exec.LookPath("tmux")
	if err != nil {
		t.Skip("tmux is not installed")
	}
	cfg := config.Default()
	cfg.DataDir, cfg.Kafka, cfg.Postgres, cfg.HTTP = t.TempDir(), config.Off, "127.0.0.1:0", config.Off
	cfg.ShutdownGracePeriod = 100 * time.Millisecond
	s, err := server.Start(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, socket: fmt.Sprintf("freshet-%d", os.Getpid()), tmux: tmux}
	command := fmt.Sprintf("%s=1 HOME=%s %s sql -a %s; echo EXIT $?; stty -a | tr ';' '\\n' | tr ' ' '\\n' | grep -xE -- '-?(icanon|echo|isig)' | tr '\\n' ' '; read x",
		asShell, t.TempDir(), binary, s.Addresses().Postgres)
	term.run("-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "50", command)
	t.Cleanup(func() { exec.Command(tmux, "-L", term.socket, "kill-server").Run() })
	term.see("freshet=>")
	return term
}

func (w *terminal) run(args ...string) string {
	w.t.Helper()
	out, err := exec.Command(w.tmux, append([]string{"-L", w.socket}, args...)...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

// line types a line and Enter.
func (w *terminal) line(text string) {
	w.t.Helper()
	w.run("send-keys", "-l", strings.ReplaceAll(text, ";", `\;`))
	w.key("Enter")
}

func (w *terminal) key(name string) {
	w.t.Helper()
	w.run("send-keys", name)
}

// see waits until the screen shows a text.
func (w *terminal) see(want string) {
	w.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		screen := w.run("capture-pane", "-p")
		if strings.Contains(screen, want) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("no %q on the screen:\n%s", want, screen)
		}
	}
}

func (w *terminal) clear() {
	w.t.Helper()
	w.key("C-l")
}

func TestShellInATerminal(t *testing.T) {
	w := open(t)
	w.line("CREATE STREAM s (k INT KEY, v VARCHAR)")
	w.see("freshet->")
	w.line("WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON', PARTITIONS=1);")
	w.see("CREATE STREAM\n")
	w.line("INSERT INTO s VALUES (1, '日本'), (2, NULL);")
	w.see("INSERT 0 2")
	w.line("SELECT * FROM s ORDER BY k;")
	w.see("(2 rows)")
	w.see(" 1 | 日本\n")

	// A query without an end shows rows as they come; Ctrl-C ends it and nothing else.
	w.line("SELECT k FROM s EMIT CHANGES;")
	w.see("---\n 1\n 2\n")
	w.key("C-c")
	w.see("Cancelled after")
	w.line("SELECT 40 + 2 AS answer;")
	w.see("     42")

	// Ctrl-C forgets an unfinished statement.
	w.line("SELECT nonsense")
	w.see("SELECT nonsense\nfreshet->")
	w.key("C-c")
	w.line("SELECT 6 * 7 AS product;")
	w.see(" product")

	// Errors point at the place; completion knows words and relations.
	w.line("SELECT nope FROM s;")
	w.see("LINE 1: SELECT nope FROM s")
	w.run("send-keys", "-l", "SEL")
	w.see("keyword")
	w.key("C-u")

	// A pasted text runs, its lines as typed.
	w.clear()
	w.run("set-buffer", "SELECT 'pasted' AS a,\n'twice' AS b;\n")
	w.run("paste-buffer")
	w.see(" pasted | twice")

	w.line(`\q`)
	w.see("EXIT 0")
	w.see(" icanon")
	screen := w.run("capture-pane", "-p")
	modes := strings.Fields(screen[strings.Index(screen, "EXIT 0")+len("EXIT 0"):])
	for _, mode := range modes {
		if strings.HasPrefix(mode, "-") {
			t.Errorf("the terminal is left with %v", modes)
		}
	}
	if len(modes) < 3 {
		t.Errorf("modes %v in\n%s", modes, screen)
	}
}

func TestCtrlDLeaves(t *testing.T) {
	w := open(t)
	w.line("BEGIN;")
	w.see("freshet=*>")
	w.key("C-d")
	w.see("EXIT 0")
}
