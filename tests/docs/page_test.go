package docs

import (
	"strings"
	"testing"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		shown, seen string
		want        bool
	}{
		{"a\nb", "a\nb\n", true},
		{"a", "b", false},
		{"a  ", " a \n\n", true},
		{"took … ms", "took 12 ms", true},
		{"…\nlast", "one\ntwo\nlast", true},
		{"first\n…", "first\nsecond\nthird", true},
		{"first\n…", "first", true},
		{"first\n…\nlast", "first\nmiddle", false},
		{"a.c", "abc", false},
		{"a", "a\nmore", false},
	} {
		if have := matches(strings.Split(c.shown, "\n"), c.seen); have != c.want {
			t.Errorf("shown %q, seen %q: %v", c.shown, c.seen, have)
		}
	}
}
