package settings

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// TestSession runs scripts of SET, SHOW and transactions against one session each.
func TestSession(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		v, err := New().NewValues(nil)
		if err != nil {
			t.Fatal(err)
		}
		datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for line := range strings.SplitSeq(d.Input, "\n") {
				out.WriteString(step(v, line))
			}
			return out.String()
		})
	})
}

// step runs one line and tells what came of it.
func step(v *Values, line string) string {
	verb, rest, _ := strings.Cut(line, " ")
	name, value, _ := strings.Cut(rest, " = ")
	switch verb {
	case "set", "local":
		return outcome(v.Set(name, value, verb == "local"))
	case "reset":
		if name == "all" {
			v.ResetAll()
			return ""
		}
		return outcome(v.Reset(name))
	case "begin":
		v.Begin()
	case "commit", "rollback":
		v.End(verb == "commit")
	case "show":
		proper, shown, err := v.Show(name)
		if err != nil {
			return outcome(err)
		}
		return fmt.Sprintf("%s = %s\n", proper, shown)
	case "changes":
		return parameters(v.Changes())
	case "query":
		return parameters(v.Query())
	case "duration":
		return fmt.Sprintln(v.Duration(name))
	default:
		return "unknown step " + verb + "\n"
	}
	return ""
}

func outcome(err error) string {
	if err == nil {
		return ""
	}
	e := sqlerr.From(err)
	s := fmt.Sprintf("%s: %s\n", e.Code, e.Message)
	if e.Hint != "" {
		s += "  hint: " + e.Hint + "\n"
	}
	return s
}

func parameters(list []Parameter) string {
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "%s = %s\n", p.Name, p.Value)
	}
	if len(list) == 0 {
		return "none\n"
	}
	return b.String()
}

// Every default must be what its own Parse makes of it, and every setting must say what it is for.
func TestDefaultsAreCanonical(t *testing.T) {
	r := New()
	seen := map[string]string{}
	for _, s := range r.All() {
		if got, err := s.Parse(s.Default); err != nil || got != s.Default {
			t.Errorf("%s: default %q becomes %q, %v", s.Name, s.Default, got, err)
		}
		if s.Help == "" || s.Category == "" {
			t.Errorf("%s has no help or category", s.Name)
		}
		for _, name := range append([]string{s.Name}, s.Aliases...) {
			if other, ok := seen[strings.ToLower(name)]; ok {
				t.Errorf("%s and %s are both called %s", s.Name, other, name)
			}
			seen[strings.ToLower(name)] = s.Name
		}
	}
}

func TestReportedTellsWhatClientsWaitFor(t *testing.T) {
	v, err := New().NewValues(map[string]string{"application_name": "psql", "server_version": "16.0"})
	if err != nil {
		t.Fatal(err)
	}
	got := parameters(v.Reported())
	for _, want := range []string{
		"application_name = psql", "server_version = 16.0", "client_encoding = UTF8", "integer_datetimes = on",
		"standard_conforming_strings = on", "DateStyle = ISO, MDY", "TimeZone = UTC",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
}

func TestLocation(t *testing.T) {
	for value, want := range map[string]string{"UTC": "UTC", "Europe/Berlin": "Europe/Berlin", "2": "+02:00", "-3.5": "-03:30", "+05:30": "+05:30", "nowhere": "UTC"} {
		if got := Location(value).String(); got != want {
			t.Errorf("Location(%q) = %s, want %s", value, got, want)
		}
	}
}

func FuzzSet(f *testing.F) {
	f.Add("TimeZone", "+05:30")
	f.Add("statement_timeout", "1.5min")
	f.Add("datestyle", "german, dmy")
	r := New()
	f.Fuzz(func(t *testing.T, name, value string) {
		v, err := r.NewValues(nil)
		if err != nil {
			t.Fatal(err)
		}
		if v.Set(name, value, false) != nil {
			return
		}
		canonical, err := v.Get(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Set(name, canonical, false); err != nil {
			t.Fatalf("canonical %q is refused: %v", canonical, err)
		}
		if again, _ := v.Get(name); again != canonical {
			t.Fatalf("%q becomes %q", canonical, again)
		}
	})
}
