import { Route, Routes } from "react-router";
import { DeadLetters } from "./DeadLetters";
import { TopicList } from "./TopicList";
import { TopicView } from "./TopicView";

/** What is on Kafka: its topics, who reads them, and what could not be handled. */
export default function TopicsPage() {
  return (
    <Routes>
      <Route index element={<TopicList />} />
      <Route path="dead-letters" element={<DeadLetters />} />
      <Route path="dead-letters/topic" element={<TopicView name="dead-letters" />} />
      <Route path=":name" element={<TopicView />} />
    </Routes>
  );
}
