package group

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// FuzzSubscription: what a classic consumer says of itself is read or refused, whatever it is.
func FuzzSubscription(f *testing.F) {
	for version := range int16(4) {
		meta := kmsg.NewConsumerMemberMetadata()
		meta.Version, meta.Topics, meta.UserData = version, []string{"b", "a", "a"}, []byte("x")
		meta.Rack = new("r")
		meta.OwnedPartitions = []kmsg.ConsumerMemberMetadataOwnedPartition{{Topic: "a", Partitions: []int32{0, 1}}}
		f.Add(meta.AppendTo(nil))
	}
	f.Add([]byte{0, 1, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		said, err := subscriptionOf([]Protocol{{Name: "range", Metadata: b}})
		if err != nil {
			return
		}
		for i := 1; i < len(said.names); i++ {
			if said.names[i] <= said.names[i-1] {
				t.Fatalf("%q are not sorted", said.names)
			}
		}
	})
}
