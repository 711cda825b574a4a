package group

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/metadata"
)

// TestConsumerRecords holds the bytes of the records, which Kafka's DumpLogSegments --offsets-decoder reads, and that they
// rebuild the group.
func TestConsumerRecords(t *testing.T) {
	p := Partition{Topic: metadata.UUID{0: 0xab}, Partition: 2}
	c := newConsumers()
	c.epoch, c.targetEpoch, c.hash = 4, 3, 99
	c.set(&consumer{
		id: "m", instance: "i", clientID: "c", clientHost: "/h", names: []string{"t"}, regex: "t.*", rebalanceTimeout: time.Second,
		state: memberUnrevoked, epoch: 3, previousEpoch: 2, assigned: owned{p: 3}, revoking: owned{{Topic: p.Topic, Partition: 7}: 2},
	})
	c.set(&consumer{
		id: "o", state: memberStable, assigned: owned{}, revoking: owned{},
		classic: &classic{sessionTimeout: time.Second, protocols: []Protocol{{Name: "range", Metadata: []byte("x")}}},
	})
	c.target["m"], c.regexes["t.*"] = []Partition{p}, resolved{topics: []string{"t"}, version: 5, at: time.UnixMilli(1)}
	want := []string{
		"0005000167 00016d 0000 02 69 00 02 63 03 2f68 02 02 74 04 742e2a 000003e8 00 00",
		"0005000167 00016f 0000 00 00 01 01 01 00 00000000 00 01 00 10 01 000003e8 02 06 72616e6765 02 78 00 00",
		"0003000167 0000 00000004 01 00 08 0000000000000063",
		"0010000167 0003742e2a 0000 02 02 74 0000000000000005 0000000000000001 00",
		"0007000167 00016d 0000 02 ab000000000000000000000000000000 02 00000002 00 00",
		"0006000167 0000 00000003 01 00 08 0000000000000000",
		"0008000167 00016d 0000 00000003 00000002 02 02 ab000000000000000000000000000000 02 00000002 01 00 05 02 00000003" +
			" 02 ab000000000000000000000000000000 02 00000007 01 00 05 02 00000002 00",
		"0008000167 00016f 0000 00000000 00000000 01 01 01 00",
	}
	s := New(Options{}, Deps{})
	for i, r := range c.snapshot("g") {
		if got := hex.EncodeToString(r.Key) + hex.EncodeToString(r.Value); got != spaceless(want[i]) {
			t.Errorf("record %d is\n%s, not\n%s", i, got, spaceless(want[i]))
		}
		if err := s.Replay(coordinator.Entry{Record: r, ProducerID: -1}); err != nil {
			t.Error(err)
		}
	}
	if again := s.groups["g"].consumers; !reflect.DeepEqual(again, c) {
		t.Errorf("%s became %s", fmt.Sprintf("%+v", c), fmt.Sprintf("%+v", again))
	}
}

func spaceless(s string) string {
	out := []byte{}
	for i := range len(s) {
		if s[i] != ' ' {
			out = append(out, s[i])
		}
	}
	return string(out)
}
