package broker

import (
	"context"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/freshetdb/freshet/broker/client"
	"github.com/freshetdb/freshet/storage/vfs"
)

// askAt sends a request at one version.
func askAt[R kmsg.Response](t *testing.T, b *Broker, req kmsg.Request, version int16) R {
	t.Helper()
	// franz-go chooses versions by itself; a bare connection of ours does not.
	cl := dialKafka(t, b, kgo.MaxVersions(versionsWith(req.Key(), version)))
	defer cl.Close()
	req.SetVersion(version)
	resp, err := cl.Broker(1).RetriableRequest(testContext(t), req)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.GetVersion(); got != version {
		t.Fatalf("%s answered at version %d, asked at %d", kmsg.NameForKey(req.Key()), got, version)
	}
	return resp.(R)
}

func TestPositionsAtEveryVersion(t *testing.T) {
	b := startCoordinating(t, vfs.NewMem())
	topic, err := b.Client().CreateTopic(testContext(t), client.TopicSpec{Name: "in", Partitions: 2})
	if err != nil {
		t.Fatal(err)
	}
	for version := int16(2); version <= 10; version++ {
		commit := kmsg.NewPtrOffsetCommitRequest()
		commit.Group, commit.Generation = "g", -1
		ct := kmsg.NewOffsetCommitRequestTopic()
		ct.Topic, ct.TopicID = "in", topic.ID
		for _, p := range []int32{1, 7} {
			cp := kmsg.NewOffsetCommitRequestTopicPartition()
			cp.Partition, cp.Offset, cp.Metadata = p, int64(version), new("note")
			ct.Partitions = append(ct.Partitions, cp)
		}
		commit.Topics = append(commit.Topics, ct)
		done := askAt[*kmsg.OffsetCommitResponse](t, b, commit, version).Topics[0].Partitions
		if done[0].ErrorCode != 0 || done[1].ErrorCode != 3 {
			t.Fatalf("v%d: %+v", version, done)
		}
	}
	for version := int16(1); version <= 7; version++ {
		fetch := kmsg.NewPtrOffsetFetchRequest()
		fetch.Group = "g"
		fetch.Topics = []kmsg.OffsetFetchRequestTopic{{Topic: "in", Partitions: []int32{1, 0}}}
		got := askAt[*kmsg.OffsetFetchResponse](t, b, fetch, version).Topics[0].Partitions
		if got[0].Offset != 10 || *got[0].Metadata != "note" || got[1].Offset != -1 || got[1].ErrorCode != 0 {
			t.Fatalf("v%d: %+v", version, got)
		}
	}
	for version := int16(8); version <= 10; version++ {
		fetch := kmsg.NewPtrOffsetFetchRequest()
		all := kmsg.NewOffsetFetchRequestGroup()
		all.Group = "g"
		some := kmsg.NewOffsetFetchRequestGroup()
		some.Group = "nobody"
		some.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: "in", TopicID: topic.ID, Partitions: []int32{0}}}
		fetch.Groups = append(fetch.Groups, all, some)
		got := askAt[*kmsg.OffsetFetchResponse](t, b, fetch, version).Groups
		if got[0].Topics[0].Partitions[0].Offset != 10 || got[1].Topics[0].Partitions[0].Offset != -1 {
			t.Fatalf("v%d: %+v", version, got)
		}
		if id := got[0].Topics[0].TopicID; version >= 10 && id != topic.ID {
			t.Fatalf("v%d: topic id %x", version, id)
		}
	}
}

func TestFindCoordinatorAtEveryVersion(t *testing.T) {
	b := startCoordinating(t, vfs.NewMem())
	for version := int16(0); version <= 6; version++ {
		for kind, wantCode := range map[int8]int16{0: 0, 1: 0, 2: 42} {
			if version == 0 && kind > 0 {
				continue
			}
			find := kmsg.NewPtrFindCoordinatorRequest()
			find.CoordinatorKey, find.CoordinatorKeys, find.CoordinatorType = "x", []string{"x"}, kind
			resp := askAt[*kmsg.FindCoordinatorResponse](t, b, find, version)
			code, node := resp.ErrorCode, resp.NodeID
			if version >= 4 {
				code, node = resp.Coordinators[0].ErrorCode, resp.Coordinators[0].NodeID
			}
			if code != wantCode || (code == 0) != (node == 1) {
				t.Fatalf("v%d kind %d: %+v", version, kind, resp)
			}
		}
	}
}

func TestFencedCodesByVersion(t *testing.T) {
	b := startCoordinating(t, vfs.NewMem())
	id := "app"
	init := func() *kmsg.InitProducerIDRequest {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = &id, 60_000
		req.ProducerID, req.ProducerEpoch = -1, -1
		return req
	}
	first := askAt[*kmsg.InitProducerIDResponse](t, b, init(), 4)
	askAt[*kmsg.InitProducerIDResponse](t, b, init(), 0)
	for version, want := range map[int16]int16{0: 47, 1: 47, 2: 90, 3: 90, 4: 90} {
		end := kmsg.NewPtrEndTxnRequest()
		end.TransactionalID, end.ProducerID, end.ProducerEpoch = id, first.ProducerID, first.ProducerEpoch
		if got := askAt[*kmsg.EndTxnResponse](t, b, end, version).ErrorCode; got != want {
			t.Errorf("EndTxn v%d: %d, want %d", version, got, want)
		}
	}
	for version, want := range map[int16]int16{3: 47, 4: 90} {
		req := init()
		req.ProducerID, req.ProducerEpoch = first.ProducerID, first.ProducerEpoch
		if got := askAt[*kmsg.InitProducerIDResponse](t, b, req, version).ErrorCode; got != want {
			t.Errorf("InitProducerID v%d: %d, want %d", version, got, want)
		}
	}
	plain := kmsg.NewPtrInitProducerIDRequest()
	if got := askAt[*kmsg.InitProducerIDResponse](t, b, plain, 4); got.ErrorCode != 0 || got.ProducerID == first.ProducerID || got.ProducerEpoch != 0 {
		t.Errorf("%+v", got)
	}
}

func TestDeletedTopicsPositionsAreForgotten(t *testing.T) {
	b := startCoordinating(t, vfs.NewMem())
	ctx := testContext(t)
	for _, name := range []string{"kept", "gone"} {
		if _, err := b.Client().CreateTopic(ctx, client.TopicSpec{Name: name, Partitions: 1}); err != nil {
			t.Fatal(err)
		}
	}
	p, err := b.Client().Producer(ctx, client.ProducerOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	p.CommitOffsets(client.GroupMember{Group: "g"}, map[client.TopicPartition]client.Committed{
		{Topic: "kept"}: {Offset: 1}, {Topic: "gone"}: {Offset: 1},
	}, func(err error) { done <- err })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := b.Client().DeleteTopic(ctx, "gone"); err != nil {
		t.Fatal(err)
	}
	for left := 2; left != 1; { // the tombstones are written after the deletion is answered
		if ctx.Err() != nil {
			t.Fatal(context.Cause(ctx))
		}
		left = len(positionsOf(t, b, "g"))
	}
	if err := b.Client().DeleteGroup(ctx, "g"); err != nil {
		t.Fatal(err)
	}
	if got := positionsOf(t, b, "g"); len(got) != 0 {
		t.Fatal(got)
	}
}

func positionsOf(t *testing.T, b *Broker, group string) map[client.TopicPartition]client.Committed {
	t.Helper()
	got, err := b.Client().Committed(testContext(t), group, true)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// versionsWith lets franz-go ask one API at a version of our choice.
func versionsWith(key, version int16) *kversion.Versions {
	v := kversion.Stable()
	v.SetMaxKeyVersion(key, version)
	return v
}
