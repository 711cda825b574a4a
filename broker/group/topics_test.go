package group

import (
	"iter"
	"maps"

	"github.com/freshetdb/freshet/broker/metadata"
)

// fakeTopics are topics that tests make and unmake.
type fakeTopics struct{ *fakeCluster }

type fakeCluster struct {
	version uint64
	ids     byte
	byName  map[string]*metadata.Topic
}

func newFakeTopics() fakeTopics {
	return fakeTopics{&fakeCluster{byName: map[string]*metadata.Topic{}}}
}

// set makes a topic of so many partitions, gives it more, or with 0 deletes it.
func (f fakeTopics) set(name string, partitions int) {
	f.version++
	old := f.byName[name]
	switch {
	case partitions == 0:
		delete(f.byName, name)
		return
	case old == nil:
		f.ids++
		old = &metadata.Topic{ID: metadata.UUID{15: f.ids}, Name: name}
	}
	fresh := *old
	fresh.Partitions = make([]metadata.Partition, partitions)
	f.byName[name] = &fresh
}

func (f fakeTopics) Version() uint64                   { return f.version }
func (f fakeTopics) Topic(name string) *metadata.Topic { return f.byName[name] }
func (f fakeTopics) Topics() iter.Seq[*metadata.Topic] { return maps.Values(f.byName) }
func (f fakeTopics) TopicByID(id metadata.UUID) *metadata.Topic {
	for _, t := range f.byName {
		if t.ID == id {
			return t
		}
	}
	return nil
}
