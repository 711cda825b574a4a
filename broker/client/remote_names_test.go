package client

import "testing"

func TestNaming(t *testing.T) {
	for _, c := range []struct {
		n         naming
		name, out string
	}{
		{naming{}, "_freshet_commands", "_freshet_commands"},
		{naming{prefix: "a."}, "orders", "a.orders"},
		{naming{installation: "two"}, "orders", "orders"},
		{naming{installation: "two"}, "_freshet_commands", "_freshet-two_commands"},
		{naming{installation: "two"}, "_freshet-node-1", "_freshet-two-node-1"},
		{naming{installation: "two"}, "freshet_errors", "freshet-two_errors"},
		{naming{prefix: "a.", installation: "two"}, "freshet_errors", "a.freshet-two_errors"},
		{naming{installation: "two"}, "freshets", "freshets"},
	} {
		if got := c.n.out(c.name); got != c.out {
			t.Errorf("%+v: %q becomes %q, expected %q", c.n, c.name, got, c.out)
		}
		if got, mine := c.n.in(c.out); got != c.name || !mine {
			t.Errorf("%+v: %q is read as %q %v", c.n, c.out, got, mine)
		}
	}
	for _, c := range []struct {
		n    naming
		name string
	}{
		{naming{prefix: "a."}, "orders"},
		{naming{installation: "two"}, "_freshet_commands"},
		{naming{installation: "two"}, "_freshet-three_commands"},
		{naming{installation: "two"}, "freshet-three_errors"},
		{naming{installation: "two"}, "freshet_errors"},
		{naming{installation: "two"}, "_freshet-two.x_commands"},
	} {
		if got, mine := c.n.in(c.name); mine {
			t.Errorf("%+v: %q is read as %q", c.n, c.name, got)
		}
	}
}
