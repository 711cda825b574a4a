package shell

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/cli/render"
)

// metaCommand is a \command.
type metaCommand struct {
	names []string
	args  string
	help  string
	run   func(s *Shell, ctx context.Context, args []string)
}

// metaCommands lists the \commands, in the order of \?.
func metaCommands() []metaCommand {
	say := func(sql string) func(*Shell, context.Context, []string) {
		return func(s *Shell, ctx context.Context, _ []string) { s.execute(ctx, sql) }
	}
	return []metaCommand{
		{[]string{`\?`, `\h`, `\help`}, "", "this list", (*Shell).help},
		{[]string{`\q`, `\quit`}, "", "leave", func(s *Shell, _ context.Context, _ []string) { s.quit = true }},
		{[]string{`\d`}, "[NAME]", "streams and tables, or the columns of one", (*Shell).describe},
		{[]string{`\dt`}, "", "tables", say("SHOW TABLES")},
		{[]string{`\ds`}, "", "streams", say("SHOW STREAMS")},
		{[]string{`\dq`}, "", "running queries", say("SHOW QUERIES")},
		{[]string{`\df`}, "", "functions", say("SHOW FUNCTIONS")},
		{[]string{`\topics`}, "", "topics of the log", say("SHOW TOPICS")},
		{[]string{`\l`}, "", "databases", say(`SELECT datname AS "Name" FROM pg_catalog.pg_database ORDER BY 1`)},
		{[]string{`\x`}, "", "a column a line, on or off", (*Shell).expanded},
		{[]string{`\format`}, "[NAME]", "table, vertical, json, ndjson, csv or markdown", (*Shell).setFormat},
		{[]string{`\timing`}, "", "show how long statements take, on or off", (*Shell).toggleTiming},
		{[]string{`\o`}, "[FILE]", "answers go to a file; without one, back to the screen", (*Shell).output},
		{[]string{`\i`}, "FILE", "run a script", (*Shell).include},
		{[]string{`\e`}, "", "edit the last statement in $EDITOR and run it", (*Shell).edit},
		{[]string{`\watch`}, "[SECONDS]", "run the last statement again and again, until Ctrl-C", (*Shell).watch},
		{[]string{`\conninfo`}, "", "what this shell is connected to", (*Shell).connInfo},
		{[]string{`\r`}, "", "forget the unfinished statement", func(s *Shell, _ context.Context, _ []string) { s.buffer = "" }},
	}
}

// command runs a \command line.
func (s *Shell) command(ctx context.Context, line string) {
	words := strings.Fields(strings.TrimSuffix(line, ";"))
	for _, c := range metaCommands() {
		if slices.Contains(c.names, words[0]) {
			c.run(s, ctx, words[1:])
			return
		}
	}
	fmt.Fprintf(s.opts.Err, "unknown command %s; \\? lists them\n", words[0])
	s.code = ExitUsage
}

func (s *Shell) help(context.Context, []string) {
	for _, c := range metaCommands() {
		fmt.Fprintf(s.out, "  %-18s %s\n", strings.Join(c.names, " ")+" "+c.args, c.help)
	}
	fmt.Fprintln(s.out, "  A statement ends with a semicolon. Ctrl-C cancels it, Ctrl-D leaves.")
}

func (s *Shell) describe(ctx context.Context, args []string) {
	if len(args) == 0 {
		s.execute(ctx, "SHOW STREAMS")
		s.execute(ctx, "SHOW TABLES")
		return
	}
	s.execute(ctx, "DESCRIBE "+args[0])
}

func (s *Shell) expanded(context.Context, []string) {
	if s.format == render.Vertical {
		s.format = render.Table
	} else {
		s.format = render.Vertical
	}
	fmt.Fprintf(s.out, "Output format is %s.\n", s.format)
}

func (s *Shell) setFormat(_ context.Context, args []string) {
	if len(args) > 0 {
		f, err := render.ParseFormat(args[0])
		if err != nil {
			fmt.Fprintln(s.opts.Err, err)
			s.code = ExitUsage
			return
		}
		s.format = f
	}
	fmt.Fprintf(s.out, "Output format is %s.\n", s.format)
}

func (s *Shell) toggleTiming(context.Context, []string) {
	s.timing = !s.timing
	fmt.Fprintf(s.out, "Timing is %s.\n", map[bool]string{true: "on", false: "off"}[s.timing])
}

func (s *Shell) output(_ context.Context, args []string) {
	s.closeOutput()
	if len(args) == 0 {
		return
	}
	f, err := os.Create(args[0])
	if err != nil {
		fmt.Fprintf(s.opts.Err, "freshet: %v\n", err)
		s.code = ExitUsage
		return
	}
	s.outFile, s.out = f, f
}

func (s *Shell) include(ctx context.Context, args []string) {
	if len(args) != 1 {
		fmt.Fprintln(s.opts.Err, `\i takes a file`)
		s.code = ExitUsage
		return
	}
	s.runFile(ctx, args[0])
}

// last is the statement before this command.
func (s *Shell) last() string {
	if n := len(s.history.entries); n > 0 {
		return s.history.entries[n-1]
	}
	return ""
}

func (s *Shell) edit(ctx context.Context, _ []string) {
	editor := os.Getenv("EDITOR")
	if editor == "" {
		editor = "vi"
	}
	f, err := os.CreateTemp("", "freshet-*.sql")
	if err != nil {
		fmt.Fprintf(s.opts.Err, "freshet: %v\n", err)
		return
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, _ = f.WriteString(s.last() + "\n")
	_ = f.Close()
	cmd := exec.CommandContext(ctx, "sh", "-c", editor+` "$0"`, f.Name())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(s.opts.Err, "freshet: %s: %v\n", editor, err)
		return
	}
	text, err := os.ReadFile(f.Name())
	if err != nil {
		fmt.Fprintf(s.opts.Err, "freshet: %v\n", err)
		return
	}
	s.runText(ctx, string(text))
}

// watchDefault is how often \watch repeats a statement unless told otherwise, as in psql.
const watchDefault = 2 * time.Second

func (s *Shell) watch(ctx context.Context, args []string) {
	every := watchDefault
	if len(args) > 0 {
		seconds, err := strconv.ParseFloat(args[0], 64)
		if err != nil || seconds <= 0 {
			fmt.Fprintf(s.opts.Err, "\\watch takes a number of seconds, not %q\n", args[0])
			s.code = ExitUsage
			return
		}
		every = time.Duration(seconds * float64(time.Second))
	}
	statement := s.last()
	if statement == "" {
		fmt.Fprintln(s.opts.Err, "there is no statement to repeat")
		return
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	for ctx.Err() == nil && s.code == ExitOK {
		fmt.Fprintf(s.out, "%s (every %s)\n", time.Now().Format(time.DateTime), every)
		s.execute(ctx, statement)
		select {
		case <-ctx.Done():
		case <-time.After(every):
		}
	}
}

func (s *Shell) connInfo(context.Context, []string) {
	fmt.Fprintf(s.out, "Connected to database %q at %s as user %q, server %s.\n",
		s.opts.Connect.Database, s.opts.Connect.Address, s.opts.Connect.User, s.conn.Parameter("server_version"))
}
