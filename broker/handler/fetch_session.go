package handler

import (
	"container/list"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/replica"
)

const (
	// fetchSessionSlots is Kafka's default of max.incremental.fetch.session.cache.slots.
	fetchSessionSlots = 1000
	// fetchSessionPartitionsMax bounds the partitions all sessions remember together, some 150 bytes each.
	fetchSessionPartitionsMax = 400_000
	// fetchSessionAge is how long a session is left in peace before it may have to make room (Kafka's minimum of two minutes).
	fetchSessionAge = 2 * time.Minute

	// Epochs with a meaning of their own: a full request that wants a session, and one that wants none.
	fetchEpochNew  = 0
	fetchEpochNone = -1
)

// fetchKey names a partition as its session does: by topic name below Fetch v13, by topic id from then on.
type fetchKey struct {
	name  string
	id    metadata.UUID
	index int32
}

// fetchAsk is what a client wants of one partition.
type fetchAsk struct {
	fetchKey
	offset      int64
	maxBytes    int32
	leaderEpoch int32
	lastEpoch   int32
	// remembered is the session's entry, nil without a session.
	remembered *fetchRemembered
}

// fetchRemembered is a partition of a session: the last wishes of the client and what it was told.
type fetchRemembered struct {
	ask                  fetchAsk
	highWatermark, start int64
	place                *list.Element // in fetchSession.order
}

// fetchSession is what a client and we both remember between its requests, so that only what changed is sent (KIP-227).
type fetchSession struct {
	id      int32
	usesIDs bool

	mu     sync.Mutex // guards what follows; taken before fetchSessions.mu
	epoch  int32      // the next request's
	known  map[fetchKey]*fetchRemembered
	order  *list.List // of *fetchRemembered: those that gave data last come last, so that all get their turn
	closed bool

	// guarded by fetchSessions.mu:
	size          int // partitions
	created, used time.Time
	place         *list.Element // in fetchSessions.byUse
}

// fetchSessions is the cache of sessions. A client whose session had to make room hears FETCH_SESSION_ID_NOT_FOUND and begins anew.
type fetchSessions struct {
	slots, partitionsMax int
	now                  func() time.Time

	mu         sync.Mutex // guards what follows
	byID       map[int32]*fetchSession
	byUse      *list.List // of *fetchSession, least recently used first
	partitions int
}

func newFetchSessions(slots int, now func() time.Time) *fetchSessions {
	return &fetchSessions{
		slots: slots, partitionsMax: fetchSessionPartitionsMax, now: now, byID: make(map[int32]*fetchSession), byUse: list.New(),
	}
}

// fetchTurn is one request's dealing with the sessions.
type fetchTurn struct {
	asks []fetchAsk
	// session is that of an incremental request, else nil; epoch is what it stands at during this request.
	session *fetchSession
	epoch   int32
	// wanted says that a session is to be made of what is answered.
	wanted  bool
	usesIDs bool
}

// begin takes in a request. Errors: FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR.
func (c *fetchSessions) begin(in *kmsg.FetchRequest) (*fetchTurn, error) {
	t := &fetchTurn{usesIDs: in.Version >= fetchTopicIDs}
	if in.SessionEpoch == fetchEpochNew || in.SessionEpoch == fetchEpochNone {
		if in.SessionID != 0 {
			c.end(in.SessionID)
		}
		t.asks, t.wanted = fetchAsks(in), in.SessionEpoch == fetchEpochNew
		return t, nil
	}
	c.mu.Lock()
	s := c.byID[in.SessionID]
	c.mu.Unlock()
	if s == nil {
		return nil, kerr.FetchSessionIDNotFound
	}
	return t, c.resume(t, s, in)
}

// resume takes an incremental request into its session and lists all that the session now asks for.
func (c *fetchSessions) resume(t *fetchTurn, s *fetchSession, in *kmsg.FetchRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return kerr.FetchSessionIDNotFound
	case s.epoch != in.SessionEpoch:
		return kerr.InvalidFetchSessionEpoch
	case s.usesIDs != t.usesIDs:
		return kerr.FetchSessionTopicIDError
	}
	for _, ask := range fetchAsks(in) {
		s.remember(ask)
	}
	s.forget(in.ForgottenTopics, s.usesIDs)
	if len(s.known) == 0 || !c.resized(s) {
		s.closed = true
		c.end(s.id)
		if len(s.known) > 0 {
			return kerr.FetchSessionIDNotFound
		}
		return nil
	}
	s.epoch = nextFetchEpoch(s.epoch)
	t.session, t.epoch = s, s.epoch
	t.asks = make([]fetchAsk, 0, len(s.known))
	for e := s.order.Front(); e != nil; e = e.Next() {
		r := e.Value.(*fetchRemembered)
		ask := r.ask
		ask.remembered = r
		t.asks = append(t.asks, ask)
	}
	return nil
}

// fetchAsks lists what a request names.
func fetchAsks(in *kmsg.FetchRequest) []fetchAsk {
	count := 0
	for i := range in.Topics {
		count += len(in.Topics[i].Partitions)
	}
	asks := make([]fetchAsk, 0, count)
	for i := range in.Topics {
		topic := &in.Topics[i]
		for j := range topic.Partitions {
			p := &topic.Partitions[j]
			asks = append(asks, fetchAsk{
				fetchKey: fetchKey{name: topic.Topic, id: topic.TopicID, index: p.Partition},
				offset:   p.FetchOffset, maxBytes: p.PartitionMaxBytes, leaderEpoch: p.CurrentLeaderEpoch, lastEpoch: p.LastFetchedEpoch,
			})
		}
	}
	return asks
}

// nextFetchEpoch counts on, past the numbers with a meaning of their own.
func nextFetchEpoch(epoch int32) int32 {
	if epoch == math.MaxInt32 {
		return fetchEpochNew + 1
	}
	return epoch + 1
}

// remember takes a client's wish over. The caller holds s.mu or is alone.
func (s *fetchSession) remember(ask fetchAsk) *fetchRemembered {
	r := s.known[ask.fetchKey]
	if r == nil {
		r = &fetchRemembered{highWatermark: unknownOffset, start: unknownOffset}
		r.place = s.order.PushBack(r)
		s.known[ask.fetchKey] = r
	}
	r.ask = ask
	return r
}

// forget drops what the client no longer wants. The caller holds s.mu.
func (s *fetchSession) forget(topics []kmsg.FetchRequestForgottenTopic, usesIDs bool) {
	for i := range topics {
		key := fetchKey{name: topics[i].Topic}
		if usesIDs {
			key = fetchKey{id: topics[i].TopicID}
		}
		for _, key.index = range topics[i].Partitions {
			if r := s.known[key]; r != nil {
				s.order.Remove(r.place)
				delete(s.known, key)
			}
		}
	}
}

// finish decides about an answer: the session id to tell, and which asks are answered, nil for all of them. An incremental answer leaves
// out partitions that have nothing new. Errors: INVALID_FETCH_SESSION_EPOCH when another request of the session came in between.
func (c *fetchSessions) finish(t *fetchTurn, got []replica.Fetched) (id int32, answered []int, err error) {
	switch {
	case t.wanted:
		return c.open(t, got), nil, nil
	case t.session == nil:
		return 0, nil, nil
	}
	s := t.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch != t.epoch {
		return 0, nil, kerr.InvalidFetchSessionEpoch
	}
	answered = make([]int, 0, len(got))
	for i := range got {
		r := t.asks[i].remembered
		if !r.told(&got[i]) {
			continue
		}
		answered = append(answered, i)
		if got[i].Span.Len() > 0 {
			s.order.MoveToBack(r.place)
		}
	}
	return s.id, answered, nil
}

// throttled is finish for an answer that tells nothing, because the client has to wait: the session stays as it was, and a full request gets none.
func (t *fetchTurn) throttled() (id int32, err error) {
	if t.session == nil {
		return 0, nil
	}
	t.session.mu.Lock()
	defer t.session.mu.Unlock()
	if t.session.epoch != t.epoch {
		return 0, kerr.InvalidFetchSessionEpoch
	}
	return t.session.id, nil
}

// told notes what a client is told of a partition; false when that is nothing new.
func (r *fetchRemembered) told(got *replica.Fetched) bool {
	high, start := got.HighWatermark, got.Start
	if got.Err != nil {
		high, start = unknownOffset, unknownOffset // the end of the error is news
	}
	news := got.Err != nil || got.Diverging != nil || got.Span.Len() > 0 || high != r.highWatermark || start != r.start
	r.highWatermark, r.start = high, start
	return news
}

// open makes a session of a full request's partitions and gives its id, 0 when there is no room.
func (c *fetchSessions) open(t *fetchTurn, got []replica.Fetched) int32 {
	if len(t.asks) == 0 {
		return 0
	}
	if !c.mayFit(len(t.asks)) {
		return 0
	}
	s := &fetchSession{usesIDs: t.usesIDs, epoch: fetchEpochNew + 1, known: make(map[fetchKey]*fetchRemembered, len(t.asks)), order: list.New()}
	for i, ask := range t.asks {
		s.remember(ask).told(&got[i])
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if !c.makeRoom(len(s.known), now) {
		return 0
	}
	for s.id == 0 || c.byID[s.id] != nil {
		s.id = rand.Int32N(math.MaxInt32)
	}
	s.created, s.used, s.size = now, now, len(s.known)
	s.place = c.byUse.PushBack(s)
	c.byID[s.id] = s
	c.partitions += s.size
	return s.id
}

// mayFit tells whether it is worth while to make a session of n partitions.
func (c *fetchSessions) mayFit(n int) bool { return c.slots > 0 && n <= c.partitionsMax }

// makeRoom tells whether a session of n partitions fits, after ending as few others as it takes. c.mu is held.
func (c *fetchSessions) makeRoom(n int, now time.Time) bool {
	for len(c.byID) >= c.slots || c.partitions+n > c.partitionsMax {
		victim := c.victim(n, now)
		if victim == nil {
			return false
		}
		c.drop(victim)
	}
	return true
}

// victim finds the session that makes room for one of n partitions: one long unused, else an old one that is smaller, which loses less.
// c.mu is held.
func (c *fetchSessions) victim(n int, now time.Time) *fetchSession {
	oldest := c.byUse.Front()
	if oldest == nil {
		return nil
	}
	if s := oldest.Value.(*fetchSession); now.Sub(s.used) >= fetchSessionAge {
		return s
	}
	var smallest *fetchSession
	for e := oldest; e != nil; e = e.Next() {
		s := e.Value.(*fetchSession)
		if now.Sub(s.created) >= fetchSessionAge && s.size < n && (smallest == nil || s.size < smallest.size) {
			smallest = s
		}
	}
	return smallest
}

// drop takes a session out of the tables. c.mu is held.
func (c *fetchSessions) drop(s *fetchSession) {
	delete(c.byID, s.id)
	c.byUse.Remove(s.place)
	c.partitions -= s.size
}

// end closes a session, if it is there.
func (c *fetchSessions) end(id int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.byID[id]; s != nil {
		c.drop(s)
	}
}

// resized notes a session's use and size after a request; false when it is gone or has grown beyond what there is room for.
// The caller holds s.mu.
func (c *fetchSessions) resized(s *fetchSession) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID[s.id] != s {
		return false
	}
	c.partitions += len(s.known) - s.size
	s.size, s.used = len(s.known), c.now()
	c.byUse.MoveToBack(s.place)
	return c.partitions <= c.partitionsMax
}
