package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestWhoIsToBlame(t *testing.T) {
	for name, test := range map[string]struct {
		asks   kmsg.Key // what the client goes on to ask for
		every  time.Duration
		lands  bool
		blamed error
		says   string
	}{
		"all landed":             {asks: kmsg.Produce, every: time.Second, lands: true},
		"no answer":              {asks: kmsg.Produce, every: 20 * time.Second, blamed: errStuck, says: "1 of partition 0, 2 of partition 2; "},
		"no leader":              {asks: kmsg.Metadata, every: time.Second, blamed: errStuck, says: "1 of partition 0, 2 of partition 2; "},
		"forgotten":              {asks: kmsg.Metadata, every: time.Hour, blamed: errLost, says: "1 of partition 0, 2 of partition 2"},
		"forgotten, looks again": {asks: kmsg.Metadata, every: 50 * time.Second, blamed: errLost, says: "1 of partition 0, 2 of partition 2"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var a asked
				f := newFlight()
				landed := f.landed(func(*kgo.Record, error) {})
				for _, p := range []int32{0, 2, 2, 1} {
					f.add(p)
				}
				landed(&kgo.Record{Partition: 1}, nil)
				if test.lands {
					time.AfterFunc(stuckAfter+time.Second, func() { close(f.done) })
				}
				quit := make(chan struct{})
				defer close(quit)
				go func() {
					for {
						select {
						case <-quit:
							return
						case <-time.After(test.every):
							a.OnBrokerWrite(kgo.BrokerMetadata{}, test.asks.Int16(), 0, 0, 0, nil)
						}
					}
				}()
				err := f.wait(&a)
				if !errors.Is(err, test.blamed) || err != nil && !strings.Contains(err.Error(), test.says) {
					t.Fatalf("%v, expected is %v: %s", err, test.blamed, test.says)
				}
			})
		})
	}
}
