package broker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/vfs"
)

// TestLostMetadataStopsTheStart: partitions whose metadata is gone are not taken for deleted ones.
func TestLostMetadataStopsTheStart(t *testing.T) {
	fs := vfs.NewMem()
	b := startBroker(t, func(o *Options) { o.FS = fs })
	produceAll(t, connect(t, b), "precious", "v")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	again := Options{FS: fs, DataDir: "data", Listen: []string{"127.0.0.1:0"}, Logger: testLogger(t)}
	other := again
	other.NodeID = 7
	if _, err := Start(context.Background(), other); err == nil || !strings.Contains(err.Error(), "node 7 is no member") {
		t.Fatal(err)
	}
	if err := fs.RemoveAll("data/metadata"); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(context.Background(), again); err == nil || !strings.Contains(err.Error(), "restore the metadata directory") {
		t.Fatal(err)
	}
	if names, err := fs.List("data/topics/precious-0"); err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
}

// TestPowerCutKeepsWhatWasAcknowledged cuts the power while topics are made, written and deleted: acknowledged records and topics are
// there afterwards, deleted ones are gone with their directories, and a name can be used again.
func TestPowerCutKeepsWhatWasAcknowledged(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 4 {
		fs := vfs.NewCrashableMem()
		b := startBroker(t, func(o *Options) { o.FS = fs })
		cl := connect(t, b)
		want := map[string]int{}
		for i := range 6 {
			topic := fmt.Sprint("t", i)
			createTopic(t, cl, topic, 1)
			want[topic] = 1 + rng.IntN(50)
			produceAll(t, cl, topic, numbers(want[topic], "v")...)
		}
		for _, topic := range []string{"t1", "t4"} {
			req := kmsg.NewPtrDeleteTopicsRequest()
			req.Topics, req.TopicNames = []kmsg.DeleteTopicsRequestTopic{{Topic: &topic}}, []string{topic}
			if resp, err := req.RequestWith(short(t), cl); err != nil || resp.Topics[0].ErrorCode != 0 {
				t.Fatal(resp, err)
			}
			delete(want, topic)
		}
		crashed := vfs.Crash(fs, rng.IntN(101), rng)
		cl.Close()
		again := startBroker(t, func(o *Options) { o.FS = crashed })
		for topic, n := range want {
			if got := consume(t, again, topic, n); string(got[n-1].Value) != fmt.Sprint("v", n-1) {
				t.Fatalf("%s ends with %q", topic, got[n-1].Value)
			}
		}
		afresh := connect(t, again)
		createTopic(t, afresh, "t1", 1)
		produceAll(t, afresh, "t1", "new")
		if got := consume(t, again, "t1", 1); string(got[0].Value) != "new" || got[0].Offset != 0 {
			t.Fatal(got[0])
		}
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if names, err := crashed.List("data/topics/t4-0"); err == nil {
			t.Fatalf("directory of a deleted topic is still there: %v", names)
		}
	}
}
