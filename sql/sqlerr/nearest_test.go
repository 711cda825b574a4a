package sqlerr

import (
	"strings"
	"testing"
)

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b  string
		limit int
		want  int
	}{
		{"", "", 3, 0},
		{"", "ab", 3, 2},
		{"abc", "", 2, 3}, // more than the limit
		{"order", "order", 0, 0},
		{"order", "older", 3, 1},
		{"order", "roder", 3, 1},
		{"orders", "order", 3, 1},
		{"kitten", "sitting", 3, 3},
		{"kitten", "sitting", 2, 3},
		{strings.Repeat("a", 101), strings.Repeat("a", 101), 5, 6},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			if got := Distance(pair[0], pair[1], c.limit); got != c.want {
				t.Errorf("Distance(%q, %q, %d) = %d, not %d", pair[0], pair[1], c.limit, got, c.want)
			}
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"amount", "AccounT", "account_id", "count"}
	for _, c := range []struct {
		name string
		most int
		want string
	}{
		{"ACCOUNT", 0, "AccounT"},
		{"acount", 2, "amount"}, // AccounT and count are as near, and stand behind it
		{"acount_id", 2, "account_id"},
		{"price", 1, ""},
		{"x", 0, ""},
	} {
		if got := Nearest(c.name, names, c.most); got != c.want {
			t.Errorf("Nearest(%q, %d) = %q, not %q", c.name, c.most, got, c.want)
		}
	}
}
