package log

import (
	"slices"
	"testing"
)

// FuzzEpochs: a checkpoint of leader epochs that is believed says the same when it is written again.
func FuzzEpochs(f *testing.F) {
	f.Add([]byte("0\n2\n0 0\n3 17\n"))
	f.Add([]byte("0\n1000000000\n0 0\n"))
	f.Add([]byte("0\n1\n-1 -1"))
	f.Fuzz(func(t *testing.T, content []byte) {
		e, err := parseEpochs(content)
		if err != nil {
			return
		}
		if again, err := parseEpochs(e.encode()); err != nil || !slices.Equal(e, again) {
			t.Fatalf("%v is read again as %v: %v", e, again, err)
		}
	})
}
