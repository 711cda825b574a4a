package scalar

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzLayout holds that no pattern and no text panics, in either language of patterns.
func FuzzLayout(f *testing.F) {
	f.Add("yyyy-MM-dd''T''HH:mm:ss.SSSX", "2026-11-22T17:40:05.123Z", int64(1_795_366_800_000_000))
	f.Add("FMDay, DD Month YYYY HH12:MI:SS.US AM TZ", "Sunday, 22 November 2026 05:40:05.000000 PM UTC", int64(-1))
	f.Add("SSSSSSSSSSSSSS", "1", int64(1<<62))
	f.Fuzz(func(_ *testing.T, pattern, text string, us int64) {
		if len(pattern) > 200 {
			return
		}
		us %= 1 << 58
		for _, compile := range []func(string) (layout, error){
			func(p string) (layout, error) {
				l, err := javaLayout(p)
				if err != nil {
					return nil, err
				}
				return l, nil
			},
			func(p string) (layout, error) {
				l, err := postgresLayout(p)
				if err != nil {
					return nil, err
				}
				return l, nil
			},
		} {
			l, err := compile(pattern)
			if err != nil {
				continue
			}
			l.parse(text, nil)
			l.parse(string(l.format(nil, us, nil)), nil)
		}
	})
}

// FuzzLike compares LIKE with a regular expression that means the same.
func FuzzLike(f *testing.F) {
	f.Add("a%b_c", "axxbyc")
	f.Add("%%_", "é")
	f.Add(`\%`, "%")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern) > 30 || len(text) > 100 || !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return
		}
		rules := likeRules{}
		p, err := rules.compile([]byte(pattern), []byte(`\`))
		if err != nil {
			return
		}
		var re strings.Builder
		re.WriteString(`(?s)^`)
		for _, e := range p {
			re.WriteString([]string{regexp.QuoteMeta(string(e.text)), ".", ".*"}[e.kind])
		}
		want := regexp.MustCompile(re.String() + "$").MatchString(text)
		if got := rules.match(p, []byte(text)); got != want {
			t.Fatalf("%q LIKE %q: %v, want %v", text, pattern, got, want)
		}
		if got := rules.shape(p)([]byte(text)); got != want {
			t.Fatalf("%q LIKE %q by its shape: %v, want %v", text, pattern, got, want)
		}
	})
}

// FuzzJSON holds that no text panics, and that what is found is JSON of itself.
func FuzzJSON(f *testing.F) {
	f.Add(`{"a": {"b": [1, "x\u00e9\ud83d"]}}`, "$.a.b[1]")
	f.Add(`[[[[`, "$[0]")
	f.Add(`{"a":`, "$['a']")
	f.Fuzz(func(t *testing.T, doc, path string) {
		steps, err := jsonPath(path)
		if err != nil {
			return
		}
		for k := range steps {
			steps[k].any = true
		}
		value, ok := findJSON([]byte(doc), steps)
		if !ok {
			return
		}
		appendUnescaped(nil, value)
		if again, ok := findJSON(appendCompact(nil, value), nil); !ok || len(again) == 0 {
			t.Fatalf("%q at %q is %q, which is not read again", doc, path, value)
		}
	})
}
