package group

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// noGeneration is the generation of who commits without being a member.
const noGeneration = -1

// sequenced is an offset with its place in the log: of two commits, the one later in the log counts, even if a
// transaction holds the earlier one back.
type sequenced struct {
	Offset
	seq uint64
}

// pendingOffsets are the positions an open transaction will set, if it commits.
type pendingOffsets map[topicPartition]sequenced

// Commit stores positions. reply gets the same positions with their codes when those accepted are committed.
func (s *Shard) Commit(now time.Time, c Committer, offsets []TopicOffset, reply func([]TopicOffset)) {
	code := s.mayCommit(now, c, offsets)
	s.commit(now, c.Group, nil, offsets, code, reply)
}

// CommitTxn stores positions that count when the producer's transaction commits (TxnOffsetCommit, KIP-98, KIP-447).
func (s *Shard) CommitTxn(now time.Time, c Committer, p coordinator.Producer, offsets []TopicOffset, reply func([]TopicOffset)) {
	code := s.mayCommitTxn(c, offsets)
	s.commit(now, c.Group, &p, offsets, code, reply)
}

func (s *Shard) mayCommit(now time.Time, c Committer, offsets []TopicOffset) coordinator.Code {
	g := s.groups[c.Group]
	switch {
	case g != nil && g.consumers != nil:
		return s.mayCommit848(g.consumers, c, offsets, false)
	case g == nil && c.Generation == noGeneration, g == nil && c.Generation < 0:
		return coordinator.OK
	case g == nil:
		return coordinator.IllegalGeneration
	case c.Generation < 0 && len(g.members) == 0:
		return coordinator.OK
	}
	m, code := g.find(c.MemberID, c.InstanceID)
	switch {
	case code != coordinator.OK:
		return code
	case c.Generation != g.generation:
		return coordinator.IllegalGeneration
	case g.state == CompletingRebalance:
		return coordinator.RebalanceInProgress
	}
	m.touch(now)
	return coordinator.OK
}

func (s *Shard) mayCommitTxn(c Committer, offsets []TopicOffset) coordinator.Code {
	if c.Group == "" {
		return coordinator.InvalidGroupID
	}
	if g := s.groups[c.Group]; g != nil && g.consumers != nil {
		return s.mayCommit848(g.consumers, c, offsets, true)
	}
	if c.Generation < 0 && c.MemberID == "" && c.InstanceID == "" {
		return coordinator.OK // before KIP-447 producers could not name the member
	}
	g := s.groups[c.Group]
	switch {
	case c.Generation < 0 && (g == nil || g.state == Empty):
		return coordinator.OK // nobody is there who could be meant
	case g == nil:
		return coordinator.IllegalGeneration
	}
	if _, code := g.find(c.MemberID, c.InstanceID); code != coordinator.OK {
		return code
	}
	if c.Generation != g.generation {
		return coordinator.IllegalGeneration
	}
	return coordinator.OK
}

// mayCommit848 tells whether a member of a consumer group may commit. A member that is an epoch behind, because the answer
// with the new one is on its way, may for the partitions it had before that (KIP-1251); the others get a code of their own.
func (s *Shard) mayCommit848(g *consumers, c Committer, offsets []TopicOffset, txn bool) coordinator.Code {
	if c.Generation < 0 && len(g.members) == 0 {
		return coordinator.OK
	}
	m, code := g.find(c.MemberID, c.InstanceID)
	stale := coordinator.StaleMemberEpoch
	switch {
	case code != coordinator.OK:
		return code
	case m.classic != nil:
		stale = coordinator.IllegalGeneration
	case !txn && !c.KnowsEpochs:
		return coordinator.UnsupportedVersion
	}
	switch {
	case c.Generation == m.epoch:
		return coordinator.OK
	case c.Generation < 0 || c.Generation > m.epoch:
		return stale
	}
	for i := range offsets {
		held, since := false, int32(0)
		for _, p := range s.partitionsOf(offsets[i].Topic, []int32{offsets[i].Partition}) {
			if since, held = m.assigned[p]; !held {
				since, held = m.revoking[p]
			}
		}
		if !held || c.Generation < since {
			offsets[i].Code = stale
		}
	}
	return coordinator.OK
}

func (s *Shard) commit(now time.Time, groupID string, p *coordinator.Producer, offsets []TopicOffset, code coordinator.Code, reply func([]TopicOffset)) {
	var records []coordinator.Record
	accepted := pendingOffsets{}
	s.seq++
	for i := range offsets {
		o := &offsets[i]
		if code != coordinator.OK {
			o.Code = code
		}
		if o.Code != coordinator.OK {
			continue
		}
		if len(o.Metadata) > s.options().OffsetMetadataMax {
			o.Code = coordinator.OffsetMetadataTooLarge
			continue
		}
		o.CommittedAt = now.UnixMilli()
		records = append(records, offsetRecord(groupID, o.Topic, o.Partition, &o.Offset))
		accepted[topicPartition{o.Topic, o.Partition}] = sequenced{o.Offset, s.seq}
	}
	if len(records) == 0 {
		reply(offsets)
		return
	}
	if p != nil {
		s.hold(s.group(now, groupID), p.ID, accepted)
	}
	s.out.Write(coordinator.Write{Records: records, Txn: p, Done: func(now time.Time, err error) {
		if err == nil {
			s.metrics.commits.Add(float64(len(records)))
		}
		s.committed(now, groupID, p, accepted, err)
		for i := range offsets {
			if offsets[i].Code == coordinator.OK {
				offsets[i].Code = codeOf(err)
			}
		}
		reply(offsets)
	}})
}

// committed takes over the fate of a write of offsets.
func (s *Shard) committed(now time.Time, groupID string, p *coordinator.Producer, accepted pendingOffsets, err error) {
	switch {
	case p == nil && err == nil:
		g := s.group(now, groupID)
		g.apply(accepted)
		s.settle(g)
	case p != nil && err != nil:
		if g := s.groups[groupID]; g != nil {
			s.unhold(g, p.ID, accepted)
			s.settle(g)
		}
	}
}

func (g *group) apply(offsets pendingOffsets) {
	for tp, o := range offsets {
		if o.seq >= g.offsets[tp].seq {
			g.offsets[tp] = o
		}
	}
}

// hold keeps positions until the producer's marker.
func (s *Shard) hold(g *group, producerID int64, offsets pendingOffsets) {
	if g.txns[producerID] == nil {
		g.txns[producerID] = pendingOffsets{}
	}
	maps.Copy(g.txns[producerID], offsets)
	if s.open[producerID] == nil {
		s.open[producerID] = map[string]struct{}{}
	}
	s.open[producerID][g.id] = struct{}{}
}

// unhold takes back positions whose write failed.
func (s *Shard) unhold(g *group, producerID int64, offsets pendingOffsets) {
	held := g.txns[producerID]
	for tp, o := range offsets {
		if held[tp].seq == o.seq {
			delete(held, tp)
		}
	}
	if len(held) == 0 {
		s.release(g, producerID)
	}
}

func (s *Shard) release(g *group, producerID int64) {
	delete(g.txns, producerID)
	delete(s.open[producerID], g.id)
	if len(s.open[producerID]) == 0 {
		delete(s.open, producerID)
	}
}

// EndTxn is called when a producer's marker is committed in this partition: the positions it held back count now, or never.
func (s *Shard) EndTxn(producerID int64, commit bool) {
	for _, id := range slices.Sorted(maps.Keys(s.open[producerID])) {
		g := s.groups[id]
		if commit {
			g.apply(g.txns[producerID])
		}
		s.release(g, producerID)
		s.settle(g)
	}
}

// Fetch gives positions: all of the group's when wanted is nil, else those asked for, -1 where there is none. With
// requireStable a position that an open transaction holds back answers UnstableOffsetCommit (KIP-447).
func (s *Shard) Fetch(groupID string, wanted []TopicOffset, requireStable bool) []TopicOffset {
	g := s.groups[groupID]
	if wanted == nil {
		wanted = g.allPositions(requireStable)
	}
	for i := range wanted {
		o := &wanted[i]
		o.Offset = Offset{Offset: -1, LeaderEpoch: -1}
		if g == nil {
			continue
		}
		tp := topicPartition{o.Topic, o.Partition}
		if requireStable && g.unstable(tp) {
			o.Code = coordinator.UnstableOffsetCommit
			continue
		}
		if found, ok := g.offsets[tp]; ok {
			o.Offset = found.Offset
		}
	}
	return wanted
}

// MayFetch tells whether somebody may ask for a group's positions: anybody who names no member, and of a consumer group its
// members at their current epoch.
func (s *Shard) MayFetch(who Committer) coordinator.Code {
	g := s.groups[who.Group]
	if g == nil || g.consumers == nil || (who.MemberID == "" && who.Generation < 0) {
		return coordinator.OK
	}
	m := g.consumers.members[who.MemberID]
	switch {
	case m == nil:
		return coordinator.UnknownMemberID
	case m.epoch == who.Generation:
		return coordinator.OK
	case m.classic != nil:
		return coordinator.IllegalGeneration
	}
	return coordinator.StaleMemberEpoch
}

func (g *group) unstable(tp topicPartition) bool {
	for _, held := range g.txns {
		if _, ok := held[tp]; ok {
			return true
		}
	}
	return false
}

func (g *group) allPositions(pending bool) []TopicOffset {
	if g == nil {
		return nil
	}
	set := map[topicPartition]struct{}{}
	for tp := range g.offsets {
		set[tp] = struct{}{}
	}
	if pending {
		for _, held := range g.txns {
			for tp := range held {
				set[tp] = struct{}{}
			}
		}
	}
	var all []TopicOffset
	for _, tp := range sortedPartitions(set) {
		all = append(all, TopicOffset{Topic: tp.topic, Partition: tp.partition})
	}
	return all
}

func sortedPartitions[V any](m map[topicPartition]V) []topicPartition {
	return slices.SortedFunc(maps.Keys(m), func(a, b topicPartition) int {
		if c := strings.Compare(a.topic, b.topic); c != 0 {
			return c
		}
		return int(a.partition) - int(b.partition)
	})
}
