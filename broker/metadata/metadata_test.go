package metadata

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strconv"
	"testing"
)

func id(n byte) UUID { return UUID{0: n, 15: 1} }

func somePartition() Partition {
	return Partition{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}
}

// everyRecord is one of each type, in an order that replays.
func everyRecord() []Record {
	return []Record{
		ClusterRecord{ClusterID: "abcdefghijklmnopqrstuv"},
		FeatureRecord{Name: "group.version", Level: 1},
		BrokerRecord{ID: 1, Epoch: 7, Incarnation: id(9), Endpoints: []Endpoint{{"PLAINTEXT", "h", 9092}}, Rack: "r"},
		BrokerRecord{ID: 2, Epoch: 8, Fenced: true},
		BrokerRemovedRecord{ID: 2},
		TopicRecord{ID: id(1), Name: "orders"},
		PartitionRecord{TopicID: id(1), Index: 0, Partition: somePartition()},
		PartitionRecord{TopicID: id(1), Index: 1, Partition: somePartition()},
		ConfigRecord{Resource: Resource{ResourceTopic, "orders"}, Key: "retention.ms", Value: "5"},
		ConfigRecord{Resource: Resource{ResourceBroker, ""}, Key: "num.partitions", Value: "3"},
		TopicRecord{ID: id(2), Name: "gone"},
		TopicRemovedRecord{ID: id(2)},
		ProducerIDBlockRecord{BrokerID: 1, BrokerEpoch: 7, Next: 1000},
		ACLRecord{ID: id(3), ACL: ACL{ResourceType: 2, PatternType: 3, ResourceName: "orders", Principal: "User:a", Host: "*", Operation: 3, Permission: 3}},
		ACLRecord{ID: id(4), ACL: ACL{ResourceType: 4, PatternType: 3, ResourceName: "kafka-cluster", Principal: "User:*", Host: "10.0.0.1", Operation: 2, Permission: 2}},
		ACLRemovedRecord{ID: id(4)},
		ScramRecord{Key: ScramKey{User: "a", Mechanism: ScramSHA256}, Credential: ScramCredential{Salt: []byte("s"), StoredKey: []byte("k"), ServerKey: []byte("v"), Iterations: 4096}},
		ScramRecord{Key: ScramKey{User: "b", Mechanism: ScramSHA512}, Credential: ScramCredential{Salt: []byte("s"), StoredKey: []byte("k"), ServerKey: []byte("v"), Iterations: 8192}},
		ScramRemovedRecord{Key: ScramKey{User: "b", Mechanism: ScramSHA512}},
		QuotaRecord{Entity: QuotaEntity{User: QuotaName{Kind: QuotaNamed, Name: "a"}, ClientID: QuotaName{Kind: QuotaDefault}}, Key: "producer_byte_rate", Value: 1024.5},
		QuotaRecord{Entity: QuotaEntity{IP: QuotaName{Kind: QuotaDefault}}, Key: "connection_creation_rate", Value: 7},
		QuotaRecord{Entity: QuotaEntity{IP: QuotaName{Kind: QuotaDefault}}, Key: "connection_creation_rate", Removed: true},
	}
}

func replay(t testing.TB, img *Image, records ...Record) (*Image, *Delta) {
	t.Helper()
	next, delta, err := Replay(img, img.Version()+1, records)
	if err != nil {
		t.Fatal(err)
	}
	return next, delta
}

func TestRecordsRoundTrip(t *testing.T) {
	want := everyRecord()
	got, err := DecodeRecords(AppendRecords(nil, want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestEveryPrefixOfAnEncodingIsRefused(t *testing.T) {
	whole := AppendRecords(nil, everyRecord())
	for n := range whole {
		if _, err := DecodeRecords(whole[:n]); err == nil {
			t.Fatalf("%d of %d bytes decoded", n, len(whole))
		}
	}
}

// TestImageReplaysItself: the records of a snapshot make the same image.
func TestImageReplaysItself(t *testing.T) {
	img, _ := replay(t, &Image{}, everyRecord()...)
	again, _ := replay(t, &Image{}, img.Records()...)
	if !reflect.DeepEqual(again.Records(), img.Records()) {
		t.Fatalf("%v became %v", img.Records(), again.Records())
	}
	if again.ACLCount() != 1 || again.ScramCount() != 1 || len(again.quotas) != 1 {
		t.Fatalf("rules, credentials or quotas differ: %d %d %d", again.ACLCount(), again.ScramCount(), len(again.quotas))
	}
	if again.PartitionCount() != 2 || again.TopicCount() != 1 || again.NextProducerID() != 1000 {
		t.Fatalf("counts differ: %d %d %d", again.PartitionCount(), again.TopicCount(), again.NextProducerID())
	}
}

// TestImagesDoNotChange: replaying onto an image leaves it as it was, whatever the records; the delta names what they touched.
func TestImagesDoNotChange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	img := &Image{}
	for step := range 400 {
		before := fmt.Sprint(img.Records())
		r := randomChange(rng, img)
		next, delta, err := Replay(img, uint64(step+1), r)
		if err != nil {
			t.Fatalf("%v: %v", r, err)
		}
		if after := fmt.Sprint(img.Records()); after != before {
			t.Fatalf("%v changed the old image from %s to %s", r, before, after)
		}
		checkDelta(t, img, next, delta)
		img = next
	}
}

func randomChange(rng *rand.Rand, img *Image) []Record {
	topics := img.SortedTopics()
	if len(topics) == 0 || rng.IntN(3) == 0 {
		u := UUID{byte(rng.Uint32()), byte(rng.Uint32()), byte(rng.Uint32()), 15: byte(rng.Uint32())}
		return []Record{TopicRecord{ID: u, Name: "t" + u.String()}, PartitionRecord{TopicID: u, Partition: somePartition()}}
	}
	t := topics[rng.IntN(len(topics))]
	switch rng.IntN(4) {
	case 0:
		return []Record{TopicRemovedRecord{ID: t.ID}}
	case 1: // deleted and made anew under its name
		u := UUID{0: byte(rng.Uint32()), 1: byte(rng.Uint32()), 7: 1}
		return []Record{TopicRemovedRecord{ID: t.ID}, TopicRecord{ID: u, Name: t.Name}}
	case 2:
		return []Record{PartitionRecord{TopicID: t.ID, Index: int32(len(t.Partitions)), Partition: somePartition()}}
	}
	return []Record{ConfigRecord{Resource: Resource{ResourceTopic, t.Name}, Key: "retention.ms", Value: strconv.Itoa(rng.IntN(9))}}
}

func checkDelta(t *testing.T, before, after *Image, d *Delta) {
	t.Helper()
	for u, c := range d.Topics {
		if c.Before != before.TopicByID(u) || c.After != after.TopicByID(u) {
			t.Fatalf("delta of %s names other topics than the images hold", u)
		}
	}
	for topic := range after.Topics() {
		if before.TopicByID(topic.ID) != topic {
			if _, named := d.Topics[topic.ID]; !named {
				t.Fatalf("%s changed, but not in the delta", topic.Name)
			}
		}
		if after.Topic(topic.Name) != topic {
			t.Fatalf("%s is not found by name", topic.Name)
		}
	}
}

func TestContradictionsAreRefused(t *testing.T) {
	img, _ := replay(t, &Image{}, everyRecord()...)
	for _, r := range []Record{
		ClusterRecord{ClusterID: "other"},
		TopicRecord{ID: id(1), Name: "new name, old id"},
		TopicRecord{ID: id(3), Name: "orders"},
		TopicRemovedRecord{ID: id(8)},
		PartitionRecord{TopicID: id(8)},
		PartitionRecord{TopicID: id(1), Index: 3},
		PartitionRecord{TopicID: id(1), Index: -1},
		ConfigRecord{Resource: Resource{ResourceTopic, "missing"}, Key: "a"},
		BrokerRemovedRecord{ID: 5},
		ProducerIDBlockRecord{Next: 5},
		ACLRecord{ID: id(3)},
		ACLRemovedRecord{ID: id(9)},
		ScramRemovedRecord{Key: ScramKey{User: "b", Mechanism: ScramSHA512}},
	} {
		if _, _, err := Replay(img, 99, []Record{r}); err == nil {
			t.Errorf("%#v was applied", r)
		}
	}
}

func FuzzDecodeRecords(f *testing.F) {
	f.Add(AppendRecords(nil, everyRecord()))
	f.Add([]byte{1, 1, 0, 0})
	f.Fuzz(func(t *testing.T, src []byte) {
		records, err := DecodeRecords(src)
		if err != nil {
			return
		}
		again, err := DecodeRecords(AppendRecords(nil, records))
		if err != nil || !reflect.DeepEqual(again, records) {
			t.Fatalf("%v became %v, %v", records, again, err)
		}
		_, _, _ = Replay(&Image{}, 1, records) // must not panic
	})
}

func BenchmarkCreateTopicAmong10k(b *testing.B) {
	img := &Image{}
	var records []Record
	for i := range 10000 {
		u := UUID{byte(i), byte(i >> 8), 15: byte(i * 7)}
		records = append(records, TopicRecord{ID: u, Name: fmt.Sprint("t", i)}, PartitionRecord{TopicID: u, Partition: somePartition()})
	}
	img, _ = replay(b, img, records...)
	b.ReportAllocs()
	for b.Loop() {
		replay(b, img, TopicRecord{ID: UUID{3: 99}, Name: "new"})
	}
}
