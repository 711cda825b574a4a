package handler

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/replica"
)

// fetchOf is a request for n partitions of topic "t".
func fetchOf(session, epoch int32, n int) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.SetVersion(12)
	req.SessionID, req.SessionEpoch = session, epoch
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = "t"
	for i := range n {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition = int32(i)
		topic.Partitions = append(topic.Partitions, p)
	}
	req.Topics = append(req.Topics, topic)
	return req
}

// turn plays a request and an empty answer to it.
func turn(t *testing.T, c *fetchSessions, req *kmsg.FetchRequest) (id int32, err error) {
	t.Helper()
	taken, err := c.begin(req)
	if err != nil {
		return 0, err
	}
	id, _, err = c.finish(taken, make([]replica.Fetched, len(taken.asks)))
	return id, err
}

func mustTurn(t *testing.T, c *fetchSessions, req *kmsg.FetchRequest) int32 {
	t.Helper()
	id, err := turn(t, c, req)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestFetchSessionsMakeRoom: the cache never holds more than its slots, and who goes is who is missed least.
func TestFetchSessionsMakeRoom(t *testing.T) {
	now := time.Unix(0, 0)
	c := newFetchSessions(2, func() time.Time { return now })
	small, large := mustTurn(t, c, fetchOf(0, 0, 1)), mustTurn(t, c, fetchOf(0, 0, 5))
	if id := mustTurn(t, c, fetchOf(0, 0, 9)); id != 0 || small == 0 || large == 0 || small == large {
		t.Fatal("a young session had to go", id, small, large)
	}
	now = now.Add(fetchSessionAge - time.Second)
	mustTurn(t, c, fetchOf(small, 1, 1))
	mustTurn(t, c, fetchOf(large, 1, 1))
	now = now.Add(time.Second)
	third := mustTurn(t, c, fetchOf(0, 0, 3))
	if third == 0 {
		t.Fatal("an old, smaller session stayed")
	}
	if _, err := turn(t, c, fetchOf(small, 2, 1)); !errors.Is(err, kerr.FetchSessionIDNotFound) {
		t.Fatal("the smaller one is still there", err)
	}
	mustTurn(t, c, fetchOf(large, 2, 1))
	now = now.Add(fetchSessionAge)
	mustTurn(t, c, fetchOf(large, 3, 1))
	if id := mustTurn(t, c, fetchOf(0, 0, 1)); id == 0 {
		t.Fatal("a session nobody used stayed")
	}
	if _, err := turn(t, c, fetchOf(third, 1, 1)); !errors.Is(err, kerr.FetchSessionIDNotFound) {
		t.Fatal("the unused one is still there", err)
	}
	if len(c.byID) != 2 || c.byUse.Len() != 2 || c.partitions != 6 {
		t.Fatal(len(c.byID), c.byUse.Len(), c.partitions)
	}
}

// TestFetchSessionsAreBounded: neither many sessions nor one that grows take more partitions than allowed.
func TestFetchSessionsAreBounded(t *testing.T) {
	c := newFetchSessions(100, time.Now)
	c.partitionsMax = 10
	if id := mustTurn(t, c, fetchOf(0, 0, 11)); id != 0 {
		t.Fatal("a session too large was made")
	}
	grows := mustTurn(t, c, fetchOf(0, 0, 6))
	if id := mustTurn(t, c, fetchOf(0, 0, 6)); id != 0 {
		t.Fatal("a session too many was made")
	}
	if _, err := turn(t, c, fetchOf(grows, 1, 11)); !errors.Is(err, kerr.FetchSessionIDNotFound) {
		t.Fatal(err)
	}
	if len(c.byID) != 0 || c.partitions != 0 {
		t.Fatal(len(c.byID), c.partitions)
	}
}

// TestFetchSessionEpochs: they wrap past the numbers with a meaning, and of two requests at once the first loses.
func TestFetchSessionEpochs(t *testing.T) {
	if e := nextFetchEpoch(math.MaxInt32); e != 1 {
		t.Fatal(e)
	}
	c := newFetchSessions(1, time.Now)
	id := mustTurn(t, c, fetchOf(0, 0, 1))
	first, err := c.begin(fetchOf(id, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	mustTurn(t, c, fetchOf(id, 2, 0))
	if _, _, err := c.finish(first, make([]replica.Fetched, 1)); !errors.Is(err, kerr.InvalidFetchSessionEpoch) {
		t.Fatal(err)
	}
}
