package shell

import (
	"context"
	"os"
	"os/signal"
	"sort"
	"strings"

	"github.com/freshetdb/freshet/cli/client"
	"github.com/freshetdb/freshet/sql/parser"
)

func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt)
}

// names is what can be completed: keywords and what the catalogue holds. The catalogue is read after statements that change it, never
// while somebody types.
type names struct {
	shell    *Shell
	keywords []Suggestion
	found    []Suggestion
}

func newNames(s *Shell) *names {
	n := &names{shell: s}
	for _, k := range parser.Keywords() {
		n.keywords = append(n.keywords, Suggestion{Text: strings.ToUpper(k), Description: "keyword"})
	}
	for _, c := range metaCommands() {
		n.keywords = append(n.keywords, Suggestion{Text: c.names[0], Description: c.help})
	}
	return n
}

// catalogueQueries name what exists: the first column of each is a name.
var catalogueQueries = []struct{ what, sql string }{
	{"stream", "SHOW STREAMS"},
	{"table", "SHOW TABLES"},
	{"topic", "SHOW TOPICS"},
	{"function", "SHOW FUNCTIONS"},
	{"column", "SELECT DISTINCT column_name FROM information_schema.columns"},
}

// refresh reads the catalogue. What a server does not answer is not completed.
func (n *names) refresh(ctx context.Context) {
	n.found = nil
	if open, _ := n.shell.conn.InTransaction(); open {
		return
	}
	for _, q := range catalogueQueries {
		c := &firstColumn{}
		if err := n.shell.conn.Query(ctx, q.sql, c); err != nil {
			continue
		}
		for _, name := range c.values {
			n.found = append(n.found, Suggestion{Text: name, Description: q.what})
		}
	}
	sort.Slice(n.found, func(i, j int) bool { return n.found[i].Text < n.found[j].Text })
}

// suggestionsMax bounds what is offered at a time.
const suggestionsMax = 50

// complete offers what begins with word, names before keywords, in the case that was typed.
func (n *names) complete(word string) []Suggestion {
	var out []Suggestion
	upper := strings.ToUpper(word)
	lower := word == strings.ToLower(word)
	for _, s := range n.found {
		if strings.HasPrefix(strings.ToUpper(s.Text), upper) && len(out) < suggestionsMax {
			out = append(out, s)
		}
	}
	for _, s := range n.keywords {
		if strings.HasPrefix(strings.ToUpper(s.Text), upper) && len(out) < suggestionsMax {
			if lower {
				s.Text = strings.ToLower(s.Text)
			}
			out = append(out, s)
		}
	}
	return out
}

// firstColumn collects the first column of an answer. It implements client.Handler.
type firstColumn struct{ values []string }

// Columns implements client.Handler.
func (f *firstColumn) Columns([]client.Column) error { return nil }

// Row implements client.Handler.
func (f *firstColumn) Row(values [][]byte) error {
	if len(values) > 0 && values[0] != nil {
		f.values = append(f.values, string(values[0]))
	}
	return nil
}

// Done implements client.Handler.
func (f *firstColumn) Done(string) error { return nil }

// Notice implements client.Handler.
func (f *firstColumn) Notice(*client.Message) {}
