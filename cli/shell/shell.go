// Package shell is the prompt: history, completion, multi-line statements, \commands, push queries until Ctrl-C; and the same statements
// from -e, -f and standard input for scripts.
package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/freshetdb/freshet/cli/client"
	"github.com/freshetdb/freshet/cli/render"
)

// Exit codes of a shell.
const (
	ExitOK          = 0
	ExitSQL         = 1 // a statement failed
	ExitConnect     = 2 // no server, or the connection was lost
	ExitUsage       = 3
	ExitInterrupted = 130
)

// Options describe a run of the shell.
type Options struct {
	Connect  client.Options
	Execute  []string // -e: statements to run instead of asking
	Files    []string // -f: scripts to run instead of asking; "-" is standard input
	Format   render.Format
	Null     string
	KeepOn   bool // go on after a failed statement of a script (ON_ERROR_STOP off)
	Quiet    bool
	In       io.Reader
	Out, Err io.Writer
	// Interactive says that In is a terminal: prompt, history, completion.
	Interactive bool
	Greeting    string // shown once before the first prompt
}

// Shell is one run.
type Shell struct {
	opts    Options
	conn    *client.Client
	buffer  string // an unfinished statement
	quit    bool
	code    int
	timing  bool
	format  render.Format
	out     io.Writer // Options.Out, or a file after \o
	outFile *os.File
	history *history
	names   *names
}

// Run connects, runs what it was told or asks a person, and returns the exit code.
func Run(ctx context.Context, opts Options) int {
	s := &Shell{opts: opts, format: opts.Format, out: opts.Out, history: &history{}}
	if s.format == "" {
		s.format = render.Table
	}
	if opts.Null == "" {
		s.opts.Null = "NULL"
	}
	if err := s.connect(ctx); err != nil {
		s.complain(err, "")
		return ExitConnect
	}
	defer func() { _ = s.conn.Close() }()
	defer s.closeOutput()
	switch {
	case len(opts.Execute) > 0 || len(opts.Files) > 0:
		s.runScripts(ctx)
	case opts.Interactive:
		s.ask(ctx)
	default:
		s.runReader(ctx, opts.In)
	}
	return s.code
}

func (s *Shell) connect(ctx context.Context) (err error) {
	s.conn, err = client.Dial(ctx, s.opts.Connect)
	return err
}

// runScripts runs -e texts, then -f files.
func (s *Shell) runScripts(ctx context.Context) {
	for _, text := range s.opts.Execute {
		if s.stopped() {
			return
		}
		s.runText(ctx, text)
	}
	for _, name := range s.opts.Files {
		if s.stopped() {
			return
		}
		s.runFile(ctx, name)
	}
}

// stopped tells whether a script has to end: \q, a lost connection, or a failed statement unless told to keep on.
func (s *Shell) stopped() bool {
	return s.quit || s.code == ExitConnect || s.code == ExitInterrupted || (s.code != ExitOK && !s.opts.KeepOn && !s.opts.Interactive)
}

func (s *Shell) runFile(ctx context.Context, name string) {
	if name == "-" {
		s.runReader(ctx, s.opts.In)
		return
	}
	f, err := os.Open(name)
	if err != nil {
		fmt.Fprintf(s.opts.Err, "freshet: %v\n", err)
		s.code = ExitUsage
		return
	}
	defer func() { _ = f.Close() }()
	s.runReader(ctx, f)
}

// runReader runs a script line by line, so that a pipe's statements run as they arrive.
func (s *Shell) runReader(ctx context.Context, r io.Reader) {
	lines := &plainLines{in: r}
	err := lines.Run(ctx, nil, func(line string) bool {
		s.take(ctx, line)
		return !s.stopped()
	})
	if err != nil {
		fmt.Fprintf(s.opts.Err, "freshet: %v\n", err)
		s.code = ExitUsage
		return
	}
	if !s.stopped() {
		s.finish(ctx)
	}
}

// runText runs a whole text.
func (s *Shell) runText(ctx context.Context, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		s.take(ctx, line)
		if s.stopped() {
			return
		}
	}
	s.finish(ctx)
}

// finish runs what stands without a final semicolon.
func (s *Shell) finish(ctx context.Context) {
	rest := strings.TrimSpace(s.buffer)
	s.buffer = ""
	if rest != "" {
		s.execute(ctx, rest)
	}
}

// ask talks with a person until \q or Ctrl-D.
func (s *Shell) ask(ctx context.Context) {
	s.history = openHistory(defaultHistory())
	s.names = newNames(s)
	s.names.refresh(ctx)
	if s.opts.Greeting != "" {
		fmt.Fprintln(s.out, s.opts.Greeting)
	}
	lines := &promptLines{complete: s.names.complete, history: s.history.entries, abandon: func() { s.buffer = "" }}
	err := lines.Run(ctx, s.prompt, func(line string) bool {
		for l := range strings.SplitSeq(line, "\n") {
			s.take(ctx, l)
		}
		s.code = ExitOK
		return !s.quit
	})
	if err != nil {
		fmt.Fprintf(s.opts.Err, "freshet: %v\n", err)
		s.code = ExitUsage
	}
}

// prompt shows the database, whether a transaction is open (*) or failed (!), and whether a statement is unfinished.
func (s *Shell) prompt() string {
	mark := ""
	if open, failed := s.conn.InTransaction(); failed {
		mark = "!"
	} else if open {
		mark = "*"
	}
	if strings.TrimSpace(s.buffer) != "" {
		return s.opts.Connect.Database + "-" + mark + "> "
	}
	return s.opts.Connect.Database + "=" + mark + "> "
}

// take adds a line to the buffer and runs the statements it completes, or runs a \command.
func (s *Shell) take(ctx context.Context, line string) {
	trimmed := strings.TrimSpace(line)
	if strings.HasPrefix(trimmed, `\`) && (s.opts.Interactive || strings.TrimSpace(s.buffer) == "") {
		s.command(ctx, trimmed) // an unfinished statement waits for it
		return
	}
	if strings.TrimSpace(s.buffer) == "" {
		if word := strings.ToLower(strings.TrimSuffix(trimmed, ";")); s.opts.Interactive && (word == "exit" || word == "quit") {
			s.quit = true
			return
		}
		s.buffer = ""
	}
	s.buffer += line + "\n"
	statements, rest := split(s.buffer)
	s.buffer = rest
	for _, statement := range statements {
		s.history.add(statement)
		s.execute(ctx, statement)
		if s.stopped() {
			return
		}
	}
}

// execute runs one statement and shows its answer; Ctrl-C cancels it.
func (s *Shell) execute(ctx context.Context, statement string) {
	running, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	p := &printer{
		out: s.out, err: s.opts.Err, format: s.format, quiet: s.opts.Quiet, live: endless(statement),
		opts: render.Options{Null: s.opts.Null, Headerless: s.opts.Quiet},
	}
	began := time.Now()
	err := s.conn.Query(running, statement, p)
	p.cut()
	if s.timing {
		fmt.Fprintf(s.out, "Time: %.3f ms\n", float64(time.Since(began).Microseconds())/1000)
	}
	if err != nil {
		s.failed(ctx, err, statement, running.Err() != nil, p.rows)
	} else if s.names != nil && changesNames(statement) {
		s.names.refresh(ctx)
	}
}

// queryCanceled is the SQLSTATE of a cancelled statement.
const queryCanceled = "57014"

func (s *Shell) failed(ctx context.Context, err error, statement string, interrupted bool, rows int64) {
	var said *client.Message
	switch {
	case errors.As(err, &said) && interrupted && said.Code == queryCanceled:
		if s.opts.Interactive {
			fmt.Fprintf(s.out, "Cancelled after %d rows.\n", rows)
			return
		}
		s.code = ExitInterrupted
	case errors.As(err, &said):
		showError(s.opts.Err, statement, said)
		s.code = ExitSQL
	default:
		s.complain(err, statement)
		s.code = ExitConnect
		if s.opts.Interactive {
			s.reconnect(ctx)
		}
	}
}

// reconnect tries once to get a lost session back; what it had set is gone.
func (s *Shell) reconnect(ctx context.Context) {
	fmt.Fprintln(s.opts.Err, "The connection was lost. Attempting reset.")
	_ = s.conn.Close()
	if err := s.connect(ctx); err != nil {
		s.complain(err, "")
		s.quit = true
		return
	}
	s.code = ExitOK
	fmt.Fprintln(s.opts.Err, "Succeeded.")
}

// complain prints an error that is not a statement's.
func (s *Shell) complain(err error, statement string) {
	if said, ok := errors.AsType[*client.Message](err); ok {
		showError(s.opts.Err, statement, said)
		return
	}
	fmt.Fprintf(s.opts.Err, "freshet: %v\n", err)
	if errors.Is(err, client.ErrUnreachable) && statement == "" {
		fmt.Fprintln(s.opts.Err, "HINT:  is a node running? start one with: freshet serve")
	}
}

// endless tells whether a statement's rows come for ever and must be shown as they come.
func endless(statement string) bool {
	upper := strings.ToUpper(statement)
	word, _, _ := strings.Cut(strings.TrimSpace(upper), " ")
	return word == "PRINT" || (word == "SELECT" && strings.Contains(upper, "EMIT"))
}

// changesNames tells whether a statement may have changed what can be completed.
func changesNames(statement string) bool {
	word, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(statement)), " ")
	return word == "CREATE" || word == "DROP" || word == "ALTER" || word == "COMMIT"
}

func (s *Shell) closeOutput() {
	if s.outFile != nil {
		_ = s.outFile.Close()
		s.outFile, s.out = nil, s.opts.Out
	}
}
