package main

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/record"
)

// TestScriptsAreRequests reads every script and every line of accepted.txt, and makes the request of each line, without a broker.
func TestScriptsAreRequests(t *testing.T) {
	cases, err := readCases()
	if err != nil || len(cases) == 0 {
		t.Fatal(len(cases), err)
	}
	for _, c := range append(cases, madeUp(1, 20)...) {
		p := newPlayer("nobody", "127.0.0.1:1", "r1", c.name, allVersions())
		for _, l := range c.lines {
			for text := range strings.FieldsSeq(l.text) {
				if name, _, ok := strings.Cut(text, "="); ok && strings.ToLower(name) == name { // a capture
					p.vars[name] = "7"
				}
			}
		}
		for _, l := range c.lines {
			name, rest := requestOf(l.text)
			key, ok := keys()[name]
			if !ok {
				continue // a line without a request
			}
			span, fields, _ := strings.Cut(rest, " ")
			low, _, err := p.span(key, span)
			if err == nil {
				p.vars["v"] = "1"
				_, _, err = p.request(key, low, strings.ReplaceAll(fields, "$id(", "00112233445566778899aabbccddeeff("))
			}
			if err != nil && !strings.Contains(err.Error(), "is no id") {
				t.Errorf("%s:%d: %v", c.file, l.number, err)
			}
		}
	}
	list, err := files.Open("accepted.txt")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseAccepted(list); err != nil {
		t.Fatal(err)
	}
}

func requestOf(line string) (api, rest string) {
	words := strings.SplitN(line, " ", 2)
	for len(words) == 2 && (strings.HasPrefix(words[0], "@") || strings.Contains(" go noanswer once hide ", " "+words[0]+" ")) {
		words = strings.SplitN(words[1], " ", 2)
	}
	if words[0] == "until" && len(words) == 2 {
		_, after, _ := strings.Cut(words[1], " ")
		words = strings.SplitN(after, " ", 2)
	}
	if len(words) < 2 {
		return words[0], ""
	}
	return words[0], words[1]
}

func allVersions() map[int16][2]int16 {
	out := map[int16][2]int16{}
	for _, key := range keys() {
		if req := kmsg.RequestForKey(key); req != nil {
			out[key] = [2]int16{0, req.MaxVersion()}
		}
	}
	return out
}

// TestBatchesAreRight holds that a batch of which a script says nothing wrong is one.
func TestBatchesAreRight(t *testing.T) {
	for _, spec := range []string{"batch{}", "batch{Count=3 Each=5 Headers=2 Key=k}", "batch{PID=5 PEpoch=0 Seq=2 Txn}", "batch{Count=2 Codec=zstd}"} {
		v, err := (&reader{s: spec}).value()
		if err != nil {
			t.Fatal(err)
		}
		b, err := bytesOf(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := record.Validate(b, record.Limits{}); err != nil {
			t.Errorf("%s: %v", spec, err)
		}
		if record.Batch(b).Compression() == record.None {
			if err := record.CheckRecords(b); err != nil {
				t.Errorf("%s: %v", spec, err)
			}
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "a/b[c]", true}, {"a*c", "a/b/c", true}, {"a[*", "a[1]", true}, {"a[1]", "a1", false}, {"a", "ab", false},
	} {
		if glob(c.pattern, c.text) != c.want {
			t.Errorf("%q, %q", c.pattern, c.text)
		}
	}
}
