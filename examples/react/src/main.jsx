// Shows the notes in the page, which names the server.

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Notes } from './Notes.jsx';

const endpoint = document.querySelector('meta[name=faye]').content;
createRoot(document.querySelector('#root')).render(<StrictMode><Notes endpoint={endpoint} /></StrictMode>);
